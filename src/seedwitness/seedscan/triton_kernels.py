"""Correlate noise with weights on a GPU (Triton), as the numba kernels do on a CPU.

A lane is a seed. The state of `torch-cpu`'s generator is in GPU memory, 624 words a seed, with the
words of neighbouring lanes side by side. Logarithm, sine and cosine are the GPU's: a score is
within 0.001 of the exact one. There are no matrix products, so TF32 does not affect a score.

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
from seedwitness.seeds.torch_cpu_half import UNIFORM_BITS

LANES = 128
MAX_BATCH = 2**19
"""Seeds whose states are in memory at a time: 1.3 GB."""

Array = np.ndarray[Any, Any]
Kernel = Callable[[Array, Array, Array, float, Array, Array, Array], int]


@triton.jit
def _tempered(v, MASK: tl.constexpr, SHIFT: tl.constexpr):
    """Temper a mixed word; return the bits in MASK as the highest of 24 bits."""
    v ^= v >> 11
    v ^= (v << 7) & 0x9D2C5680
    v ^= (v << 15) & 0xEFC60000
    v ^= v >> 18
    return ((v & MASK) << SHIFT).to(tl.float32)


@triton.jit
def _mt19937(
    seed_batch,
    elements,
    weights,
    state,
    out,
    seed_count,
    stride,
    top,
    element_count,
    query_count,
    LANES: tl.constexpr,
    QUERIES: tl.constexpr,
    MASK: tl.constexpr,
    SHIFT: tl.constexpr,
):
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    query = tl.arange(0, QUERIES)
    in_range = lane < seed_count
    lane_state = state + lane
    x = tl.load(seed_batch + lane, mask=in_range, other=0).to(tl.uint32, bitcast=True)
    tl.store(lane_state, x.to(tl.int32, bitcast=True), mask=in_range)
    for i in range(1, tl.minimum(624, 397 + top)):
        x = (x ^ (x >> 30)) * 1812433253 + i
        tl.store(lane_state + i * stride, x.to(tl.int32, bitcast=True), mask=in_range)
    for i in range(top):  # in place: the words before i are mixed already, as they must be
        current = tl.load(lane_state + i * stride, mask=in_range, other=0).to(
            tl.uint32, bitcast=True
        )
        following = tl.load(lane_state + (i + 1) % 624 * stride, mask=in_range, other=0)
        distant = tl.load(lane_state + (i + 397) % 624 * stride, mask=in_range, other=0)
        y = (current & 0x80000000) | (following.to(tl.uint32, bitcast=True) & 0x7FFFFFFF)
        mixed = distant.to(tl.uint32, bitcast=True) ^ (y >> 1) ^ ((y & 1) * 0x9908B0DF)
        tl.store(lane_state + i * stride, mixed.to(tl.int32, bitcast=True), mask=in_range)
    score = tl.zeros((QUERIES, LANES), tl.float32)
    for k in range(0, element_count, 2):
        i = tl.load(elements + k)
        first = tl.load(lane_state + i * stride, mask=in_range, other=0)
        second = tl.load(lane_state + (i + 8) * stride, mask=in_range, other=0)
        m = 16777216.0 - _tempered(first.to(tl.uint32, bitcast=True), MASK, SHIFT)
        turn = _tempered(second.to(tl.uint32, bitcast=True), MASK, SHIFT)
        turn *= 3.7450704e-07  # 2 pi / 2^24
        radius = tl.sqrt(-2.0 * tl.log(m * 5.9604645e-08))
        weight_pointer = weights + query * element_count + k
        cosine = tl.load(weight_pointer, mask=query < query_count, other=0.0)
        sine = tl.load(weight_pointer + 1, mask=query < query_count, other=0.0)
        score += cosine[:, None] * (radius * tl.cos(turn))[None, :]
        score += sine[:, None] * (radius * tl.sin(turn))[None, :]
    score_pointer = out + query[:, None] * seed_count + lane[None, :]
    tl.store(score_pointer, score, mask=(query < query_count)[:, None] & in_range[None, :])


@triton.jit
def _philox(
    seed_batch,
    elements,
    weights,
    out,
    seed_count,
    element_count,
    query_count,
    LANES: tl.constexpr,
    QUERIES: tl.constexpr,
):
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    query = tl.arange(0, QUERIES)
    in_range = lane < seed_count
    seed = tl.load(seed_batch + lane, mask=in_range, other=0).to(tl.uint32, bitcast=True)
    zero = seed & 0
    score = tl.zeros((QUERIES, LANES), tl.float32)
    for k in range(element_count):
        element = tl.load(elements + k)
        k0, k1 = seed, zero
        c0, c1 = zero + (element >> 32).to(tl.uint32), zero
        c2, c3 = zero + (element & 0xFFFFFFFF).to(tl.uint32), zero
        for _ in tl.static_range(10):
            one_high, one_low = tl.umulhi(c0, zero + 0xD2511F53), c0 * 0xD2511F53
            two_high, two_low = tl.umulhi(c2, zero + 0xCD9E8D57), c2 * 0xCD9E8D57
            c0, c1, c2, c3 = two_high ^ c1 ^ k0, two_low, one_high ^ c3 ^ k1, one_low
            k0, k1 = k0 + 0x9E3779B9, k1 + 0xBB67AE85
        m = ((c0 >> 8).to(tl.float32) + 0.5) * 5.9604645e-08
        turn = ((c1 >> 8).to(tl.float32) + 0.5) * 3.7450704e-07
        normal = tl.sqrt(-2.0 * tl.log(m)) * tl.sin(turn)
        weight_pointer = weights + query * element_count + k
        weight = tl.load(weight_pointer, mask=query < query_count, other=0.0)
        score += weight[:, None] * normal[None, :]
    score_pointer = out + query[:, None] * seed_count + lane[None, :]
    tl.store(score_pointer, score, mask=(query < query_count)[:, None] & in_range[None, :])


def scan_torch_cpu(
    seed_batch: Array,
    elements: Array,
    weights: Array,
    threshold: float,
    seeds: Array,
    queries: Array,
    scores: Array,
    bits: int = 24,
) -> int:
    """Scan as ``mt19937_kernels.scan_seeds``."""
    top = int(elements[-1]) + 1
    state = torch.empty(
        624 * min(MAX_BATCH, len(seed_batch)), dtype=torch.int32, device=default_device()
    )

    def launch(
        seeds_part: Tensor,
        element_numbers: Tensor,
        weight_rows: Tensor,
        out: Tensor,
        padded_queries: int,
    ) -> None:
        count = len(seeds_part)
        _mt19937[(triton.cdiv(count, LANES),)](
            seeds_part,
            element_numbers,
            weight_rows,
            state,
            out,
            count,
            count,
            top,
            len(element_numbers),
            len(weight_rows),
            LANES=LANES,
            QUERIES=padded_queries,
            MASK=2**bits - 1,
            SHIFT=24 - bits,
        )

    return _scan(launch, seed_batch, elements, weights, threshold, (seeds, queries, scores))


def scan_philox_nv(
    seed_batch: Array,
    elements: Array,
    weights: Array,
    threshold: float,
    seeds: Array,
    queries: Array,
    scores: Array,
) -> int:
    """Scan as ``philox_kernels.scan_seeds``."""

    def launch(
        seeds_part: Tensor,
        element_numbers: Tensor,
        weight_rows: Tensor,
        out: Tensor,
        padded_queries: int,
    ) -> None:
        count = len(seeds_part)
        _philox[(triton.cdiv(count, LANES),)](
            seeds_part,
            element_numbers,
            weight_rows,
            out,
            count,
            len(element_numbers),
            len(weight_rows),
            LANES=LANES,
            QUERIES=padded_queries,
        )

    return _scan(launch, seed_batch, elements, weights, threshold, (seeds, queries, scores))


KERNELS: Mapping[str, Kernel] = {
    "torch-cpu": scan_torch_cpu,
    "torch-cpu-float16": partial(scan_torch_cpu, bits=UNIFORM_BITS[torch.float16]),
    "torch-cpu-bfloat16": partial(scan_torch_cpu, bits=UNIFORM_BITS[torch.bfloat16]),
    "philox-nv": scan_philox_nv,
}


def _scan(
    launch: Callable[[Tensor, Tensor, Tensor, Tensor, int], None],
    seed_batch: Array,
    elements: Array,
    weights: Array,
    threshold: float,
    outputs: tuple[Array, Array, Array],
) -> int:
    """Score all seeds; write the hits that fit into ``outputs`` and return the number of all."""
    device = default_device()
    element_numbers = torch.from_numpy(np.ascontiguousarray(elements, np.int64)).to(device)
    weight_rows = torch.from_numpy(np.ascontiguousarray(weights, np.float32)).to(device)
    seeds, queries, scores = outputs
    hit_count = 0
    for start in range(0, len(seed_batch), MAX_BATCH):
        batch = np.ascontiguousarray(seed_batch[start : start + MAX_BATCH], np.uint32)
        seeds_part = torch.from_numpy(batch.view(np.int32)).to(device)
        out = torch.empty((len(weight_rows), len(seeds_part)), device=device)
        launch(
            seeds_part, element_numbers, weight_rows, out, triton.next_power_of_2(len(weight_rows))
        )
        is_hit = threshold <= out.T  # by seed, then by query
        lane, query = is_hit.nonzero(as_tuple=True)
        hit_scores = out[query, lane]
        target = slice(hit_count, min(hit_count + len(lane), len(seeds)))
        written = max(target.stop - target.start, 0)
        seeds[target] = batch[lane[:written].cpu().numpy()]
        queries[target] = query[:written].cpu().numpy()
        scores[target] = hit_scores[:written].cpu().numpy()
        hit_count += len(lane)
    return hit_count
