"""Each kernel of the scan against the RNG algorithm itself, seed by seed."""

import os
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from seedwitness.seeds import RNG_ALGORITHMS
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade import KERNELS as CPU_KERNELS
from seedwitness.seedscan.mt19937_kernels import PAIR_DISTANCE

Kernel = Callable[..., int]
TRITON = find_spec("triton") is not None
if TRITON and not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read at import


def make_gpu_kernel(rng: str) -> Kernel:
    """Make Triton's kernel, imported at its call: on a GPU, or interpreted without one."""

    def scan(*arguments: object) -> int:
        from seedwitness.seedscan.triton_kernels import KERNELS

        return KERNELS[rng](*arguments)  # type: ignore[arg-type]

    return scan


NEEDS_TRITON = pytest.mark.skipif(not TRITON, reason="Triton is installed only with torch for GPUs")
KERNELS = [
    *(pytest.param(rng, kernel, id=rng) for rng, kernel in CPU_KERNELS.items()),
    *(
        pytest.param(rng, make_gpu_kernel(rng), id=f"{rng}, triton", marks=NEEDS_TRITON)
        for rng in CPU_KERNELS
    ),
]
SHAPE = (4, 32, 32)
COUNT = 700  # not a multiple of the lanes
TOLERANCES = dict.fromkeys(CPU_KERNELS, 0.01) | {
    "torch-cpu-float16": 0.015,
    "torch-cpu-bfloat16": 0.05,
}
"""Largest error of a kernel's score: the exact one rounds every step in half precision."""


def list_pairs(blocks: list[int]) -> np.ndarray:
    """The elements of blocks of 16 in the order in which the kernels take them."""
    first = (16 * np.array(sorted(blocks))[:, None] + np.arange(8)).ravel()
    return np.stack([first, first + PAIR_DISTANCE], 1).ravel()


def compute_exact_score(rng: str, seed: int, blocks: list[int], weights: np.ndarray) -> float:
    noise = RNG_ALGORITHMS[rng](seed, 0, SHAPE, torch.float32).flatten().numpy()
    return float(noise[list_pairs(blocks)].astype(float) @ weights)


def run_kernel(
    kernel: Kernel, first: int, blocks: list[int], weights: np.ndarray, threshold: float
) -> tuple[int, np.ndarray, np.ndarray]:
    seeds, scores = np.zeros(COUNT, np.uint32), np.zeros(COUNT, np.float32)
    queries = np.full(COUNT, 9, np.uint32)
    seed_batch = np.arange(first, first + COUNT).astype(np.uint32)
    count = kernel(seed_batch, list_pairs(blocks), weights[None], threshold, seeds, queries, scores)
    assert not queries[:count].any()
    return count, seeds, scores


def make_weights(blocks: list[int]) -> np.ndarray:
    weights = np.random.default_rng(4).standard_normal(16 * len(blocks)).astype(np.float32)
    return np.asarray(weights / np.linalg.norm(weights))


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
@pytest.mark.parametrize("blocks", [[0], [13], [2, 0, 7, 11], [13, 14, 15], [38, 3, 25]], ids=str)
@pytest.mark.parametrize("first", [0, 2**31 - 300, SEED_COUNT - COUNT])
def test_scores_are_those_of_the_rng_algorithm(
    rng: str, kernel: Kernel, blocks: list[int], first: int
) -> None:
    weights = make_weights(blocks)
    found, seeds, scores = run_kernel(kernel, first, blocks, weights, -1e9)
    assert found == COUNT
    assert np.array_equal(seeds, np.arange(first, first + COUNT).astype(np.uint32))
    for k in range(0, COUNT, 7):
        assert scores[k] == pytest.approx(
            compute_exact_score(rng, first + k, blocks, weights), abs=TOLERANCES[rng]
        )
    assert abs(scores.mean()) < 0.2
    assert scores.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("rng", CPU_KERNELS)
@pytest.mark.parametrize("blocks", [[39], [77, 78], [2, 255, 117, 0]], ids=str)
def test_late_blocks_are_those_of_the_rng_algorithm(rng: str, blocks: list[int]) -> None:
    """Blocks for which mt19937 fills its state twice or more."""
    weights = make_weights(blocks)
    found, _, scores = run_kernel(CPU_KERNELS[rng], 2**31 - 300, blocks, weights, -1e9)
    assert found == COUNT
    for k in range(0, COUNT, 7):
        expected = compute_exact_score(rng, 2**31 - 300 + k, blocks, weights)
        assert scores[k] == pytest.approx(expected, abs=TOLERANCES[rng])


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
def test_only_scores_at_the_threshold_are_written(rng: str, kernel: Kernel) -> None:
    blocks = [1, 4]
    weights = make_weights(blocks)
    _, all_seeds, scores = run_kernel(kernel, 5, blocks, weights, -1e9)
    count, seeds, hit_scores = run_kernel(kernel, 5, blocks, weights, 1.5)
    assert 0 < count < COUNT / 4
    assert np.array_equal(seeds[:count], all_seeds[scores >= 1.5])
    assert np.array_equal(hit_scores[:count], scores[scores >= 1.5])
    first_seeds, first_scores = np.zeros(3, np.uint32), np.zeros(3, np.float32)
    seed_batch = np.arange(5, 5 + COUNT).astype(np.uint32)
    first_queries = np.zeros(3, np.uint32)
    assert (
        kernel(
            seed_batch,
            list_pairs(blocks),
            weights[None],
            1.5,
            first_seeds,
            first_queries,
            first_scores,
        )
        == count
    )
    assert np.array_equal(first_seeds, seeds[:3])  # hits that do not fit are counted


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
def test_queries_together_give_the_hits_of_each_alone(rng: str, kernel: Kernel) -> None:
    blocks = [0, 5]
    weights = np.stack(
        [make_weights(blocks), -make_weights(blocks), np.roll(make_weights(blocks), 3)]
    )
    seeds, queries = np.zeros(3 * COUNT, np.uint32), np.zeros(3 * COUNT, np.uint32)
    scores = np.zeros(3 * COUNT, np.float32)
    seed_batch = np.arange(COUNT).astype(np.uint32)
    found = kernel(seed_batch, list_pairs(blocks), weights, 1.0, seeds, queries, scores)
    for query, row in enumerate(weights):
        count, seeds_alone, scores_alone = run_kernel(kernel, 0, blocks, row, 1.0)
        is_query = queries[:found] == query
        assert np.array_equal(seeds[:found][is_query], seeds_alone[:count])
        assert np.allclose(scores[:found][is_query], scores_alone[:count], atol=1e-5)


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
def test_a_seeds_own_noise_has_a_high_score(rng: str, kernel: Kernel) -> None:
    blocks, seed = [0, 1, 2, 3], 1_234_567
    noise = RNG_ALGORITHMS[rng](seed, 0, SHAPE, torch.float32).flatten().numpy()
    noise = noise[list_pairs(blocks)]
    weights = np.asarray(noise / np.linalg.norm(noise))
    found, seeds, scores = run_kernel(kernel, seed - 100, blocks, weights, 5.5)
    assert found == 1
    assert seeds[0] == seed
    assert scores[0] == pytest.approx(np.linalg.norm(noise), abs=TOLERANCES[rng])
