"""Each kernel of the scan against the protocol itself, seed by seed."""

import os
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from seedwitness.seeds import PROTOCOLS
from seedwitness.seeds.torch_cpu import SEEDS
from seedwitness.seedscan.cascade import KERNELS as CORES

Kernel = Callable[..., int]
TRITON = find_spec("triton") is not None
if TRITON and not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when it is imported


def on_a_gpu(rng: str) -> Kernel:
    """Triton's kernel, imported when it is called: on a GPU, or interpreted without one."""

    def scan(*asked: object) -> int:
        from seedwitness.seedscan.triton_kernels import KERNELS

        return KERNELS[rng](*asked)  # type: ignore[arg-type]

    return scan


WITHOUT = pytest.mark.skipif(not TRITON, reason="Triton comes with torch for GPUs, and is not here")
KERNELS = [
    *(pytest.param(rng, kernel, id=rng) for rng, kernel in CORES.items()),
    *(pytest.param(rng, on_a_gpu(rng), id=f"{rng}, triton", marks=WITHOUT) for rng in CORES),
]
SHAPE = (4, 32, 32)
COUNT = 700  # no whole number of lanes
WITHIN = dict.fromkeys(CORES, 0.01) | {"torch-cpu-float16": 0.015, "torch-cpu-bfloat16": 0.05}
"""How far a kernel's score is from the exact one, which half precision rounds at every step."""


def exact(rng: str, seed: int, blocks: list[int], weights: np.ndarray) -> float:
    noise = PROTOCOLS[rng](seed, 0, SHAPE, torch.float32).flatten().numpy()
    elements = np.concatenate([np.arange(16 * block, 16 * block + 16) for block in blocks])
    return float(noise[elements].astype(float) @ weights)


def scanned(
    kernel: Kernel, first: int, blocks: list[int], weights: np.ndarray, at_least: float
) -> tuple[int, np.ndarray, np.ndarray]:
    seeds, scores = np.zeros(COUNT, np.uint32), np.zeros(COUNT, np.float32)
    queries = np.full(COUNT, 9, np.uint32)
    tried = np.arange(first, first + COUNT).astype(np.uint32)
    found = kernel(tried, np.array(blocks), weights[None], at_least, seeds, queries, scores)
    assert not queries[:found].any()
    return found, seeds, scores


def weights_of(blocks: list[int]) -> np.ndarray:
    weights = np.random.default_rng(4).standard_normal(16 * len(blocks)).astype(np.float32)
    return np.asarray(weights / np.linalg.norm(weights))


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
@pytest.mark.parametrize("blocks", [[0], [13], [2, 0, 7, 11], [13, 14, 15], [38, 3, 25]], ids=str)
@pytest.mark.parametrize("first", [0, 2**31 - 300, SEEDS - COUNT])
def test_scores_are_those_of_the_protocol(
    rng: str, kernel: Kernel, blocks: list[int], first: int
) -> None:
    weights = weights_of(blocks)
    found, seeds, scores = scanned(kernel, first, blocks, weights, -1e9)
    assert found == COUNT
    assert np.array_equal(seeds, np.arange(first, first + COUNT).astype(np.uint32))
    for k in range(0, COUNT, 7):
        assert scores[k] == pytest.approx(exact(rng, first + k, blocks, weights), abs=WITHIN[rng])
    assert abs(scores.mean()) < 0.2
    assert scores.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("rng", CORES)
@pytest.mark.parametrize("blocks", [[39], [77, 78], [2, 255, 117]], ids=str)
def test_blocks_far_on_are_those_of_the_protocol(rng: str, blocks: list[int]) -> None:
    """Where mt19937 has filled its state twice and more."""
    weights = weights_of(blocks)
    found, _, scores = scanned(CORES[rng], 2**31 - 300, blocks, weights, -1e9)
    assert found == COUNT
    for k in range(0, COUNT, 7):
        of_protocol = exact(rng, 2**31 - 300 + k, blocks, weights)
        assert scores[k] == pytest.approx(of_protocol, abs=WITHIN[rng])


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
def test_only_what_reaches_the_threshold_is_kept(rng: str, kernel: Kernel) -> None:
    blocks = [1, 4]
    weights = weights_of(blocks)
    _, everything, scores = scanned(kernel, 5, blocks, weights, -1e9)
    found, seeds, kept = scanned(kernel, 5, blocks, weights, 1.5)
    assert 0 < found < COUNT / 4
    assert np.array_equal(seeds[:found], everything[scores >= 1.5])
    assert np.array_equal(kept[:found], scores[scores >= 1.5])
    few, some = np.zeros(3, np.uint32), np.zeros(3, np.float32)
    tried = np.arange(5, 5 + COUNT).astype(np.uint32)
    which = np.zeros(3, np.uint32)
    assert kernel(tried, np.array(blocks), weights[None], 1.5, few, which, some) == found
    assert np.array_equal(few, seeds[:3])  # what does not fit is counted


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
def test_queries_asked_together_hear_what_each_would_alone(rng: str, kernel: Kernel) -> None:
    blocks = [0, 5]
    weights = np.stack([weights_of(blocks), -weights_of(blocks), np.roll(weights_of(blocks), 3)])
    seeds, queries = np.zeros(3 * COUNT, np.uint32), np.zeros(3 * COUNT, np.uint32)
    scores = np.zeros(3 * COUNT, np.float32)
    tried = np.arange(COUNT).astype(np.uint32)
    found = kernel(tried, np.array(blocks), weights, 1.0, seeds, queries, scores)
    for query, row in enumerate(weights):
        count, own, alone = scanned(kernel, 0, blocks, row, 1.0)
        asked = queries[:found] == query
        assert np.array_equal(seeds[:found][asked], own[:count])
        assert np.allclose(scores[:found][asked], alone[:count], atol=1e-5)


@pytest.mark.parametrize(("rng", "kernel"), KERNELS)
def test_a_seeds_own_noise_stands_out(rng: str, kernel: Kernel) -> None:
    blocks, seed = [0, 1, 2, 3], 1_234_567
    noise = PROTOCOLS[rng](seed, 0, SHAPE, torch.float32).flatten().numpy()[:64]
    weights = np.asarray(noise / np.linalg.norm(noise))
    found, seeds, scores = scanned(kernel, seed - 100, blocks, weights, 5.5)
    assert found == 1
    assert seeds[0] == seed
    assert scores[0] == pytest.approx(np.linalg.norm(noise), abs=WITHIN[rng])
