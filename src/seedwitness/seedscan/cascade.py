"""Plan the cascade of a seed scan: weights, blocks and threshold of each stage, and its power."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.seeds.torch_cpu import BLOCK_SIZE
from seedwitness.seeds.torch_cpu_half import UNIFORM_BITS
from seedwitness.seedscan import mt19937_kernels, philox_kernels
from seedwitness.seedscan.mt19937_kernels import CHEAP_BLOCKS

Array = np.ndarray[Any, Any]

Kernel = Callable[..., int]

KERNELS: Mapping[str, Kernel] = {
    "torch-cpu": mt19937_kernels.scan_seeds,
    "torch-cpu-float16": partial(mt19937_kernels.scan_seeds, bits=UNIFORM_BITS[torch.float16]),
    "torch-cpu-bfloat16": partial(mt19937_kernels.scan_seeds, bits=UNIFORM_BITS[torch.bfloat16]),
    "philox-nv": philox_kernels.scan_seeds,
}
MT19937_ALGORITHMS = tuple(name for name in KERNELS if name.startswith("torch-cpu"))
"""RNG algorithms of torch's CPU generator, which uses 32 bits of a seed. For a later draw of it,
the states before it must be computed first."""

MAX_BLOCKS = 128
"""Most blocks of 16 elements of the last stage. The first two stages use only blocks among the
first CHEAP_BLOCKS, which cost the least for the generator of `torch-cpu`."""

MISS_PROBABILITIES = (0.025, 0.01)
"""Probabilities that the first and the second stage miss a true seed of the correlation for which
the plan is made."""

LAST_THRESHOLD = 4.3
"""Threshold of the last stage, and the largest of any stage: by chance 37,000 of the 2^32 seeds
pass, and a higher threshold would lose true seeds and save nothing."""

MAX_CANDIDATES = 65_536
"""Largest number of seeds per query whose scores are computed on all elements."""


@dataclass(frozen=True)
class CascadeStage:
    """One stage: the blocks whose elements it scores, and the threshold of the score."""

    blocks: tuple[int, ...]
    threshold: float


@dataclass(frozen=True)
class CascadePlan:
    """The stages of a scan, in order, for weights [q, n] with rows of unit length."""

    rng: str
    weights: Array
    stages: tuple[CascadeStage, ...]
    draw: int = 0
    """Index of the generator's draw that is scanned; a draw has one element per weight."""

    def number_blocks(self, stage: CascadeStage) -> Array:
        """Number the blocks of a stage as the generator does, from its first draw on."""
        blocks: Array = np.array(stage.blocks) + self.draw * (self.weights.shape[1] // BLOCK_SIZE)
        return blocks

    def compute_miss_probability(self, correlation: float) -> Array:
        """Compute the probability, by query, that a stage rejects the true seed: [q].

        ``correlation`` (> 0) is that of weights and noise, assumed equal for all weights. The
        probabilities of the stages are added.
        """
        probabilities = [
            norm.cdf(
                (stage.threshold - correlation * self._compute_mean_scores(stage.blocks))
                / _compute_score_deviation(correlation)
            )
            for stage in self.stages
        ]
        total: Array = np.minimum(1.0, np.sum(probabilities, axis=0))
        return total

    def compute_detectable_correlation(self, z: float, chance: float = 0.95) -> float:
        """Compute the least correlation that reaches ``z`` with this chance, for the worst query.

        A true seed must pass all stages and then reach ``z`` on all elements. Returns 1 if no
        correlation suffices.
        """
        mean_score = np.sqrt(self.weights.shape[1])

        def compute_excess(correlation: float) -> float:
            last_probability = norm.cdf(
                (z - correlation * mean_score) / _compute_score_deviation(correlation)
            )
            missed = float(self.compute_miss_probability(correlation).max() + last_probability)
            return missed - (1 - chance)

        if compute_excess(1.0) >= 0:
            return 1.0
        return float(brentq(compute_excess, 1e-6, 1.0, xtol=1e-4))

    def _compute_mean_scores(self, blocks: tuple[int, ...]) -> Array:
        """Compute a true seed's mean score in ``blocks`` at correlation 1, by query: [q]."""
        scores: Array = np.sqrt(self.weights.shape[1]) * np.linalg.norm(
            select_blocks(self.weights, blocks), axis=1
        )
        return scores


def has_gpu_kernels() -> bool:
    """Whether there are a GPU and Triton, which torch installs where it can."""
    return torch.cuda.is_available() and find_spec("triton") is not None


def select_kernel(rng: str, blocks: Array) -> Kernel:
    """Select the GPU's kernel if a GPU and Triton exist, else the CPU's.

    Their scores differ by at most 0.01, so near a threshold one may keep a few seeds that the other
    rejects. The GPU's kernel scans only the first CHEAP_BLOCKS of mt19937: later blocks are
    computed for few seeds, on the CPU.
    """
    is_cheap = rng not in MT19937_ALGORITHMS or int(blocks.max()) < CHEAP_BLOCKS
    if is_cheap and has_gpu_kernels():
        from seedwitness.seedscan import triton_kernels

        return triton_kernels.KERNELS[rng]
    return KERNELS[rng]


def plan_cascade(weights: Array, rng: str, min_correlation: float, draw: int = 0) -> CascadePlan:
    """Plan a scan for weights [q, n] of any norm, one row a query, in the order of the noise.

    The plan rejects seeds whose noise and weights correlate by ``min_correlation`` or more only
    with MISS_PROBABILITIES, at the least cost: blocks with large weights come first, and their
    number minimises the cost of all stages together. For a later ``draw`` than the first, the
    generator's state dominates the cost, so the first stage takes as many blocks as the second.

    Raises ConfigError for an RNG algorithm that cannot be scanned, for weights that are too few or
    all zero, or for a later draw whose number of elements 16 does not divide.
    """
    if rng not in KERNELS:
        raise ConfigError(
            f"The RNG algorithm `{rng}` cannot be scanned.{suggest_names(rng, KERNELS)}"
        )
    rows = np.asarray(weights, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.shape[1] < BLOCK_SIZE or not np.isfinite(lengths).all() or not lengths.all():
        raise ConfigError(
            f"A scan needs at least {BLOCK_SIZE} finite weights that are not all zero, not "
            f"{rows.shape[1]} of norm {lengths.min()}: the inversion recovered no noise."
        )
    if draw and (rng not in MT19937_ALGORITHMS or rows.shape[1] % BLOCK_SIZE):
        raise ConfigError(
            "Later pictures of a batch can be scanned only for torch's CPU generator, and if "
            f"{BLOCK_SIZE} divides the number of elements: not for {rng} with {rows.shape[1]} "
            "elements. Set `scan.draws` to 1."
        )
    unit = (rows / lengths).astype(np.float32)
    block_count = unit.shape[1] // BLOCK_SIZE
    power = (
        unit[:, : block_count * BLOCK_SIZE].reshape(len(unit), block_count, BLOCK_SIZE) ** 2
    ).sum(2)  # [q, blocks]
    order = np.argsort(-power.sum(0), kind="stable")
    cheap_blocks = order[:CHEAP_BLOCKS] if draw else order[order < CHEAP_BLOCKS]
    stage_blocks = tuple(sorted(cheap_blocks.tolist())), tuple(sorted(order[:MAX_BLOCKS].tolist()))
    unstaged = CascadePlan(rng, unit, ())

    def make_stage(blocks: tuple[int, ...], miss_probability: float) -> CascadeStage:
        mean_score = min_correlation * float(unstaged._compute_mean_scores(blocks).min())
        return CascadeStage(
            blocks,
            min(
                LAST_THRESHOLD,
                float(
                    mean_score
                    + norm.ppf(miss_probability) * _compute_score_deviation(min_correlation)
                ),
            ),
        )

    first_stages = [
        make_stage(tuple(sorted(cheap_blocks[:count].tolist())), MISS_PROBABILITIES[0])
        for count in range(len(cheap_blocks) if draw else 1, len(cheap_blocks) + 1)
    ]
    first = min(
        first_stages,
        key=lambda stage: len(stage.blocks) + len(cheap_blocks) * float(norm.sf(stage.threshold)),
    )
    second, last = (
        make_stage(stage_blocks[0], MISS_PROBABILITIES[1]),
        CascadeStage(stage_blocks[1], LAST_THRESHOLD),
    )
    middle = [second] if len(first.blocks) < len(second.blocks) < len(last.blocks) else []
    return CascadePlan(rng, unit, (first, *middle, last), draw)


def select_blocks(weights: Array, blocks: tuple[int, ...]) -> Array:
    """Select the weights [q, n] in ``blocks``: [q, 16 · len(blocks)]."""
    selected: Array = np.concatenate(
        [weights[:, b * BLOCK_SIZE : (b + 1) * BLOCK_SIZE] for b in blocks], 1
    )
    return selected


def _compute_score_deviation(correlation: float) -> float:
    """Compute the standard deviation of a true seed's score at a correlation."""
    return float(np.sqrt(max(1 - correlation * correlation, 1e-12)))
