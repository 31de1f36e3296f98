"""Correlates noise with given weights on a GPU (Triton): what the kernels of numba do on cores.

A lane is a seed. The state of `torch-cpu`'s generator lies in the GPU's own memory, 624 words a
seed, each lane's words side by side with those of its neighbours. Logarithm, sine and cosine are
the GPU's own: a score is within 0.001 of the exact one.

With TRITON_INTERPRET=1 the same code runs without a GPU, slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from seedwitness.runtime.devices import default_device
from seedwitness.seeds.torch_cpu_half import BITS

BLOCK = 16
LANES = 128
AT_ONCE = 2**19
"""Seeds whose state is in memory at a time: 1.3 GB."""

Array = np.ndarray[Any, Any]
Kernel = Callable[[Array, Array, Array, float, Array, Array, Array], int]


@triton.jit
def _tempered(v, MASK: tl.constexpr, SHIFT: tl.constexpr):
    """The bits of a mixed word, tempered, that MASK lets through, as the highest of 24."""
    v ^= v >> 11
    v ^= (v << 7) & 0x9D2C5680
    v ^= (v << 15) & 0xEFC60000
    v ^= v >> 18
    return ((v & MASK) << SHIFT).to(tl.float32)


@triton.jit
def _mt19937(
    tried,
    blocks,
    weights,
    state,
    out,
    count,
    stride,
    top,
    looked,
    asked,
    LANES: tl.constexpr,
    QUERIES: tl.constexpr,
    MASK: tl.constexpr,
    SHIFT: tl.constexpr,
):
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    query = tl.arange(0, QUERIES)
    there = lane < count
    own = state + lane
    x = tl.load(tried + lane, mask=there, other=0).to(tl.uint32, bitcast=True)
    tl.store(own, x.to(tl.int32, bitcast=True), mask=there)
    for i in range(1, tl.minimum(624, 397 + top)):
        x = (x ^ (x >> 30)) * 1812433253 + i
        tl.store(own + i * stride, x.to(tl.int32, bitcast=True), mask=there)
    for i in range(top):  # in place: what lies behind is mixed already, as it has to be
        one = tl.load(own + i * stride, mask=there, other=0).to(tl.uint32, bitcast=True)
        after = tl.load(own + (i + 1) % 624 * stride, mask=there, other=0)
        far = tl.load(own + (i + 397) % 624 * stride, mask=there, other=0)
        y = (one & 0x80000000) | (after.to(tl.uint32, bitcast=True) & 0x7FFFFFFF)
        mixed = far.to(tl.uint32, bitcast=True) ^ (y >> 1) ^ ((y & 1) * 0x9908B0DF)
        tl.store(own + i * stride, mixed.to(tl.int32, bitcast=True), mask=there)
    score = tl.zeros((QUERIES, LANES), tl.float32)
    for number in range(looked):
        block = tl.load(blocks + number)
        for j in range(8):
            i = block * 16 + j
            first = tl.load(own + i * stride, mask=there, other=0)
            second = tl.load(own + (i + 8) * stride, mask=there, other=0)
            m = 16777216.0 - _tempered(first.to(tl.uint32, bitcast=True), MASK, SHIFT)
            turn = _tempered(second.to(tl.uint32, bitcast=True), MASK, SHIFT)
            turn *= 3.7450704e-07  # 2 pi / 2^24
            radius = tl.sqrt(-2.0 * tl.log(m * 5.9604645e-08))
            place = weights + query * looked * 16 + number * 16 + j
            cosine = tl.load(place, mask=query < asked, other=0.0)
            sine = tl.load(place + 8, mask=query < asked, other=0.0)
            score += cosine[:, None] * (radius * tl.cos(turn))[None, :]
            score += sine[:, None] * (radius * tl.sin(turn))[None, :]
    rows = out + query[:, None] * count + lane[None, :]
    tl.store(rows, score, mask=(query < asked)[:, None] & there[None, :])


@triton.jit
def _philox(
    tried,
    blocks,
    weights,
    out,
    count,
    looked,
    asked,
    LANES: tl.constexpr,
    QUERIES: tl.constexpr,
):
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    query = tl.arange(0, QUERIES)
    there = lane < count
    seed = tl.load(tried + lane, mask=there, other=0).to(tl.uint32, bitcast=True)
    zero = seed & 0
    score = tl.zeros((QUERIES, LANES), tl.float32)
    for number in range(looked):
        block = tl.load(blocks + number)
        for j in range(16):
            k0, k1 = seed, zero
            c0, c1, c2, c3 = zero, zero, zero + (block * 16 + j), zero
            for _ in tl.static_range(10):
                one_high, one_low = tl.umulhi(c0, zero + 0xD2511F53), c0 * 0xD2511F53
                two_high, two_low = tl.umulhi(c2, zero + 0xCD9E8D57), c2 * 0xCD9E8D57
                c0, c1, c2, c3 = two_high ^ c1 ^ k0, two_low, one_high ^ c3 ^ k1, one_low
                k0, k1 = k0 + 0x9E3779B9, k1 + 0xBB67AE85
            m = ((c0 >> 8).to(tl.float32) + 0.5) * 5.9604645e-08
            turn = ((c1 >> 8).to(tl.float32) + 0.5) * 3.7450704e-07
            normal = tl.sqrt(-2.0 * tl.log(m)) * tl.sin(turn)
            place = weights + query * looked * 16 + number * 16 + j
            weight = tl.load(place, mask=query < asked, other=0.0)
            score += weight[:, None] * normal[None, :]
    rows = out + query[:, None] * count + lane[None, :]
    tl.store(rows, score, mask=(query < asked)[:, None] & there[None, :])


def torch_cpu(
    tried: Array,
    blocks: Array,
    weights: Array,
    threshold: float,
    seeds: Array,
    queries: Array,
    scores: Array,
    bits: int = 24,
) -> int:
    """As ``scan_mt19937.scan``."""
    top = BLOCK * int(blocks.max(initial=-1)) + BLOCK
    state = torch.empty(624 * min(AT_ONCE, len(tried)), dtype=torch.int32, device=default_device())

    def launch(part: Tensor, looked: Tensor, rows: Tensor, out: Tensor, queries_: int) -> None:
        count = len(part)
        _mt19937[(triton.cdiv(count, LANES),)](
            part,
            looked,
            rows,
            state,
            out,
            count,
            count,
            top,
            len(looked),
            len(rows),
            LANES=LANES,
            QUERIES=queries_,
            MASK=2**bits - 1,
            SHIFT=24 - bits,
        )

    return _scan(launch, tried, blocks, weights, threshold, (seeds, queries, scores))


def philox_nv(
    tried: Array,
    blocks: Array,
    weights: Array,
    threshold: float,
    seeds: Array,
    queries: Array,
    scores: Array,
) -> int:
    """As ``scan_philox.scan``."""

    def launch(part: Tensor, looked: Tensor, rows: Tensor, out: Tensor, queries_: int) -> None:
        count = len(part)
        _philox[(triton.cdiv(count, LANES),)](
            part, looked, rows, out, count, len(looked), len(rows), LANES=LANES, QUERIES=queries_
        )

    return _scan(launch, tried, blocks, weights, threshold, (seeds, queries, scores))


KERNELS: Mapping[str, Kernel] = {
    "torch-cpu": torch_cpu,
    "torch-cpu-float16": partial(torch_cpu, bits=BITS[torch.float16]),
    "torch-cpu-bfloat16": partial(torch_cpu, bits=BITS[torch.bfloat16]),
    "philox-nv": philox_nv,
}


def _scan(
    launch: Callable[[Tensor, Tensor, Tensor, Tensor, int], None],
    tried: Array,
    blocks: Array,
    weights: Array,
    threshold: float,
    into: tuple[Array, Array, Array],
) -> int:
    """Scores of all seeds, and of those that reach ``threshold`` as many as there is room for."""
    where = default_device()
    looked = torch.from_numpy(np.ascontiguousarray(blocks, np.int32)).to(where)
    rows = torch.from_numpy(np.ascontiguousarray(weights, np.float32)).to(where)
    seeds, queries, scores = into
    found = 0
    for start in range(0, len(tried), AT_ONCE):
        own = np.ascontiguousarray(tried[start : start + AT_ONCE], np.uint32)
        part = torch.from_numpy(own.view(np.int32)).to(where)
        out = torch.empty((len(rows), len(part)), device=where)
        launch(part, looked, rows, out, triton.next_power_of_2(len(rows)))
        reached = threshold <= out.T  # by seed, then by query
        lane, query = reached.nonzero(as_tuple=True)
        kept = out[query, lane]
        room = slice(found, min(found + len(lane), len(seeds)))
        size = max(room.stop - room.start, 0)
        seeds[room] = own[lane[:size].cpu().numpy()]
        queries[room] = query[:size].cpu().numpy()
        scores[room] = kept[:size].cpu().numpy()
        found += len(lane)
    return found
