"""Seeds a second: the scan's kernels, beside vectorised NumPy and a loop over torch's generator.

    .venv/bin/python benchmarks/scan_speed.py [--rounds 5] [--whole]

All correlate the first 64 elements of a seed's noise with the same weights, in turns in one
process; figures are medians over the rounds. Where there is a GPU, its kernels are among them, and
the cascade takes them. With `--whole` the cascade goes through all 2^32
seeds once by each protocol, for one query, made for correlations of 0.45 and of what
`conf/scan/whole.yaml` asks for.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

from seedwitness.seeds.torch_cpu import BLOCK
from seedwitness.seedscan.cascade import KERNELS, plan_cascade
from seedwitness.seedscan.scan import CHUNK, scan_range

RNGS = ("torch-cpu", "philox-nv")
ELEMENTS = 64
LEAST = 0.3
"""The correlation that `scan=whole` is made for: conf/scan/whole.yaml."""

SHAPE = (8, 16, 16)
WORDS, FAR = 624, 397
Array = np.ndarray[Any, Any]


def kernel(rng: str, weights: Array) -> Callable[[int], None]:
    """The scan's own kernel on all cores, a chunk of seeds a thread."""
    scores_of, blocks = KERNELS[rng], np.arange(ELEMENTS // BLOCK)

    def part(start: int, count: int) -> None:
        tried = np.arange(start, start + count, dtype=np.uint32)
        kept = np.empty(count, np.uint32), np.empty(count, np.uint32), np.empty(count, np.float32)
        scores_of(tried, blocks, weights[None], 5.0, *kept)

    def run(count: int) -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            starts = range(0, count, CHUNK)
            list(pool.map(lambda start: part(start, min(CHUNK, count - start)), starts))

    return run


def on_a_gpu(rng: str, weights: Array) -> Callable[[int], None]:
    """The GPU's kernel, chunk after chunk: seeds are handed over, and scores read back."""
    from seedwitness.seedscan.triton_kernels import KERNELS as ON_A_GPU

    blocks = np.arange(ELEMENTS // BLOCK)

    def run(count: int) -> None:
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            tried = np.arange(start, start + size, dtype=np.uint32)
            kept = np.empty(size, np.uint32), np.empty(size, np.uint32), np.empty(size, np.float32)
            ON_A_GPU[rng](tried, blocks, weights[None], 5.0, *kept)

    return run


def numpy_scores(seeds: Array, weights: Array) -> Array:
    """Of `torch-cpu`, as one would write it in NumPy: a state a column, all seeds at once."""
    state = np.empty((FAR + ELEMENTS + 1, len(seeds)), np.uint32)
    state[0] = seeds
    for i in range(1, len(state)):
        before = state[i - 1]
        state[i] = np.uint32(1812433253) * (before ^ (before >> np.uint32(30))) + np.uint32(i)
    top, rest = np.uint32(0x80000000), np.uint32(0x7FFFFFFF)
    y = (state[:ELEMENTS] & top) | (state[1 : ELEMENTS + 1] & rest)
    y = state[FAR : FAR + ELEMENTS] ^ (y >> np.uint32(1)) ^ ((y & 1) * np.uint32(0x9908B0DF))
    y ^= y >> np.uint32(11)
    y ^= (y << np.uint32(7)) & np.uint32(0x9D2C5680)
    y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
    y ^= y >> np.uint32(18)
    uniform = (y & np.uint32(0xFFFFFF)).astype(np.float32) * np.float32(2.0**-24)
    pairs = uniform.reshape(-1, 2, BLOCK // 2, len(seeds))
    radius = np.sqrt(-2 * np.log1p(-pairs[:, 0]))
    angle = np.float32(2 * np.pi) * pairs[:, 1]
    noise = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    found: Array = weights @ noise.reshape(ELEMENTS, len(seeds))
    return found


def torch_scores(seeds: Array, weights: Array) -> Array:
    """Of `torch-cpu`, by torch's own generator, a seed at a time."""
    generator, held = torch.Generator(), torch.from_numpy(weights)
    return np.array(
        [
            float(torch.randn(ELEMENTS, generator=generator.manual_seed(seed)) @ held)
            for seed in seeds.tolist()
        ]
    )


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true")
    asked = parser.parse_args()
    weights = np.random.default_rng(1).standard_normal(ELEMENTS).astype(np.float32)
    weights /= np.linalg.norm(weights)
    some = np.arange(512, dtype=np.uint32)
    apart = float(np.abs(numpy_scores(some, weights) - torch_scores(some, weights)).max())
    ways: dict[str, tuple[int, Callable[[int], object]]] = {
        **{f"kernel, {rng}": (2**25, kernel(rng, weights)) for rng in RNGS},
        "NumPy, torch-cpu": (
            2**17,
            lambda count: [
                numpy_scores(np.arange(start, start + 4096, dtype=np.uint32), weights)
                for start in range(0, count, 4096)
            ],
        ),
        "torch's generator, torch-cpu": (
            2**14,
            lambda count: torch_scores(np.arange(count, dtype=np.uint32), weights),
        ),
    }
    if torch.cuda.is_available():
        for rng in RNGS:
            ways[f"{rng}, {torch.cuda.get_device_name()}"] = (2**28, on_a_gpu(rng, weights))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _, way in ways.values():
        way(4096)  # compiles, and warms up
    for _ in range(asked.rounds):
        for name, (count, way) in ways.items():
            began = perf_counter()
            way(count)
            seconds[name].append(perf_counter() - began)
    result: dict[str, Any] = {
        "elements": ELEMENTS,
        "threads": os.cpu_count(),
        "rounds": asked.rounds,
        "seeds_per_second": {
            name: round(count / median(seconds[name])) for name, (count, _) in ways.items()
        },
        "seeds": {name: count for name, (count, _) in ways.items()},
        "numpy_and_torch_differ_by": apart,
    }
    if asked.whole:
        result["whole"] = [whole(rng, r) for r in (0.45, LEAST) for rng in RNGS]
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


def whole(rng: str, r: float) -> dict[str, Any]:
    """All 2^32 seeds once, for weights in which the noise of a known seed is by ``r``."""
    from seedwitness.seeds import PROTOCOLS

    seed = 3_405_691_582
    own = PROTOCOLS[rng](seed, 0, SHAPE, torch.float32).flatten().double().numpy()
    other = np.random.default_rng(2).standard_normal(len(own))
    planned = plan_cascade((r * own + (1 - r * r) ** 0.5 * other)[None], rng, r)
    with tempfile.TemporaryDirectory() as scratch:
        began = perf_counter()
        [found] = scan_range(planned, SHAPE, ledger=Path(scratch))
        seconds = perf_counter() - began
    return {
        "rng": rng,
        "seconds": round(seconds, 1),
        "r": r,
        "lost": float(planned.lost(r)[0]),
        "found": int(found.seeds[0]) == seed,
        "z": float(found.z[0]),
        "p": float(found.p()[0]),
        "second_best_z": float(found.z[1]),
        "looked_at_in_full": len(found.seeds),
    }


if __name__ == "__main__":
    main()
