"""Seeds a second: the scan's kernels, vectorised NumPy, and a loop over torch's generator.

    .venv/bin/python -m benchmarks.seeds.scan_speed [--rounds 5] [--whole]

All of them correlate the first 64 elements of a seed's noise with the same weights, in turns in
one process; figures are medians over the rounds. Where there is a GPU, its kernels are measured as
well, and the cascade uses them. With `--whole` the cascade goes through all 2^32 seeds once for
each RNG algorithm, for one query, made for correlations of 0.45 and of `conf/scan/whole.yaml`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks.shared.measurement import print_figures
from seedwitness.seeds.torch_cpu import BLOCK_SIZE
from seedwitness.seedscan.cascade import KERNELS
from seedwitness.seedscan.cascade_planning import plan_cascade
from seedwitness.seedscan.mt19937_kernels import PAIR_DISTANCE
from seedwitness.seedscan.scan import CHUNK_SIZE, scan_range

RNG_ALGORITHMS = ("torch-cpu", "philox-nv")
ELEMENTS = 64
CORRELATIONS = (0.45, 0.3)
"""Correlations of a seed's noise and the weights for which all seeds are scanned."""

SHAPE = (8, 16, 16)
MT19937_OFFSET = 397
"""The M of MT19937: how far apart the words of the state are that give the next one."""

Array = np.ndarray[Any, Any]


def cpu_scanner(rng: str, weights: Array) -> Callable[[int], None]:
    """A function that scans so many seeds with the scan's own kernel on all cores."""
    kernel, elements = KERNELS[rng], list_elements()

    def scan_chunk(start: int, count: int) -> None:
        kernel(*_arguments(start, count, elements, weights))

    def scan(count: int) -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            starts = range(0, count, CHUNK_SIZE)
            list(pool.map(lambda start: scan_chunk(start, min(CHUNK_SIZE, count - start)), starts))

    return scan


def gpu_scanner(rng: str, weights: Array) -> Callable[[int], None]:
    """The same with the GPU's kernel, chunk after chunk, transfers of seeds and scores included."""
    from seedwitness.seedscan.triton_kernels import KERNELS as GPU_KERNELS

    elements = list_elements()

    def scan(count: int) -> None:
        for start in range(0, count, CHUNK_SIZE):
            GPU_KERNELS[rng](*_arguments(start, min(CHUNK_SIZE, count - start), elements, weights))

    return scan


def list_elements() -> Array:
    """The first elements of the noise in the order in which the kernels take them: by pairs."""
    first = np.arange(ELEMENTS).reshape(-1, 2, PAIR_DISTANCE)
    elements: Array = first.transpose(0, 2, 1).ravel()
    return elements


def _arguments(start: int, count: int, elements: Array, weights: Array) -> tuple[Any, ...]:
    """Arguments of a kernel: seeds, elements of noise, weights, threshold, three output arrays."""
    seeds = np.arange(start, start + count, dtype=np.uint32)
    outputs = np.empty(count, np.uint32), np.empty(count, np.uint32), np.empty(count, np.float32)
    return seeds, elements, weights[None], 5.0, *outputs


def scores_by_numpy(seeds: Array, weights: Array) -> Array:
    """Scores of `torch-cpu` seeds [n] in plain NumPy: a column of MT19937's state for each seed."""
    state = np.empty((MT19937_OFFSET + ELEMENTS + 1, len(seeds)), np.uint32)
    state[0] = seeds
    for i in range(1, len(state)):
        before = state[i - 1]
        state[i] = np.uint32(1812433253) * (before ^ (before >> np.uint32(30))) + np.uint32(i)
    top, rest = np.uint32(0x80000000), np.uint32(0x7FFFFFFF)
    y = (state[:ELEMENTS] & top) | (state[1 : ELEMENTS + 1] & rest)
    y = (
        state[MT19937_OFFSET : MT19937_OFFSET + ELEMENTS]
        ^ (y >> np.uint32(1))
        ^ ((y & 1) * np.uint32(0x9908B0DF))
    )
    y ^= y >> np.uint32(11)
    y ^= (y << np.uint32(7)) & np.uint32(0x9D2C5680)
    y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
    y ^= y >> np.uint32(18)
    uniform = (y & np.uint32(0xFFFFFF)).astype(np.float32) * np.float32(2.0**-24)
    pairs = uniform.reshape(-1, 2, BLOCK_SIZE // 2, len(seeds))
    radius = np.sqrt(-2 * np.log1p(-pairs[:, 0]))
    angle = np.float32(2 * np.pi) * pairs[:, 1]
    noise = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    scores: Array = weights @ noise.reshape(ELEMENTS, len(seeds))
    return scores


def scores_by_torch(seeds: Array, weights: Array) -> Array:
    """Scores of `torch-cpu` seeds [n] by torch's own generator, one seed after the other."""
    generator, weights_tensor = torch.Generator(), torch.from_numpy(weights)
    return np.array(
        [
            float(torch.randn(ELEMENTS, generator=generator.manual_seed(seed)) @ weights_tensor)
            for seed in seeds.tolist()
        ]
    )


def scan_all_seeds(rng: str, r: float) -> dict[str, Any]:
    """Scan all 2^32 seeds once, for weights that correlate by ``r`` with a known seed's noise."""
    from seedwitness.seeds import RNG_ALGORITHMS

    seed = 3_405_691_582
    noise = RNG_ALGORITHMS[rng](seed, 0, SHAPE, torch.float32).flatten().double().numpy()
    unrelated = np.random.default_rng(2).standard_normal(len(noise))
    weights = (r * noise + (1 - r * r) ** 0.5 * unrelated)[None]
    cascade = plan_cascade(weights, rng, r * len(noise) ** 0.5)
    with tempfile.TemporaryDirectory() as scratch:
        start = perf_counter()
        [candidates] = scan_range(cascade, SHAPE, cache_folder=Path(scratch))
        seconds = perf_counter() - start
    return {
        "rng": rng,
        "seconds": round(seconds, 1),
        "r": r,
        "lost": float(cascade.compute_miss_probability(r)[0]),
        "found": int(candidates.seeds[0]) == seed,
        "z": float(candidates.scores[0]),
        "p": float(candidates.compute_family_wise_p()[0]),
        "second_best_z": float(candidates.scores[1]),
        "looked_at_in_full": len(candidates.seeds),
    }


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="scan all 2^32 seeds as well")
    arguments = parser.parse_args()
    weights = np.random.default_rng(1).standard_normal(ELEMENTS).astype(np.float32)
    weights /= np.linalg.norm(weights)
    sample = np.arange(512, dtype=np.uint32)
    difference = np.abs(scores_by_numpy(sample, weights) - scores_by_torch(sample, weights))
    scanners: dict[str, tuple[int, Callable[[int], object]]] = {
        **{f"kernel, {rng}": (2**25, cpu_scanner(rng, weights)) for rng in RNG_ALGORITHMS},
        "NumPy, torch-cpu": (
            2**17,
            lambda count: [
                scores_by_numpy(np.arange(start, start + 4096, dtype=np.uint32), weights)
                for start in range(0, count, 4096)
            ],
        ),
        "torch's generator, torch-cpu": (
            2**14,
            lambda count: scores_by_torch(np.arange(count, dtype=np.uint32), weights),
        ),
    }
    if torch.cuda.is_available():
        for rng in RNG_ALGORITHMS:
            name = f"{rng}, {torch.cuda.get_device_name()}"
            scanners[name] = (2**28, gpu_scanner(rng, weights))
    seconds: dict[str, list[float]] = {name: [] for name in scanners}
    for _, scan in scanners.values():
        scan(4096)  # compiles, and warms up
    for _ in range(arguments.rounds):
        for name, (count, scan) in scanners.items():
            start = perf_counter()
            scan(count)
            seconds[name].append(perf_counter() - start)
    figures: dict[str, Any] = {
        "elements": ELEMENTS,
        "threads": os.cpu_count(),
        "rounds": arguments.rounds,
        "seeds_per_second": {
            name: round(count / median(seconds[name])) for name, (count, _) in scanners.items()
        },
        "seeds": {name: count for name, (count, _) in scanners.items()},
        "numpy_and_torch_differ_by": float(difference.max()),
    }
    if arguments.whole:
        figures["whole"] = [scan_all_seeds(rng, r) for r in CORRELATIONS for rng in RNG_ALGORITHMS]
    print_figures(figures)


if __name__ == "__main__":
    main()
