"""The cascade of a seed scan: weights, elements and threshold of each stage, and its power."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from seedwitness.seeds.torch_cpu import BLOCK_SIZE
from seedwitness.seeds.torch_cpu_half import UNIFORM_BITS
from seedwitness.seedscan import mt19937_kernels, philox_kernels

Array = np.ndarray[Any, Any]

Kernel = Callable[..., int]

CLIP = 2.0
"""Largest weight in a stage, in standard deviations of all weights."""

KERNELS: Mapping[str, Kernel] = {
    "torch-cpu": mt19937_kernels.scan_seeds,
    "torch-cpu-float16": partial(mt19937_kernels.scan_seeds, bits=UNIFORM_BITS[torch.float16]),
    "torch-cpu-bfloat16": partial(mt19937_kernels.scan_seeds, bits=UNIFORM_BITS[torch.bfloat16]),
    "philox-nv": philox_kernels.scan_seeds,
}
MT19937_ALGORITHMS = tuple(name for name in KERNELS if name.startswith("torch-cpu"))
"""RNG algorithms of torch's CPU generator, which uses 32 bits of a seed. For a later draw of it,
the states before it must be computed first."""


@dataclass(frozen=True)
class CascadeStage:
    """One stage: the weights that it takes, ascending, and the threshold of their score."""

    elements: tuple[int, ...]
    threshold: float


@dataclass(frozen=True)
class CascadePlan:
    """The stages of a scan, in order, for weights [q, n] with rows of unit length.

    The weights are those of the draws of a seed's generator from ``first_draw`` on, one draw of
    ``draw_size`` elements after the other.
    """

    rng: str
    weights: Array
    stages: tuple[CascadeStage, ...]
    draw_size: int
    first_draw: int = 0

    @property
    def draw_count(self) -> int:
        """The number of draws that the weights cover."""
        return int(self.weights.shape[1] // self.draw_size)

    def number_elements(self, stage: CascadeStage) -> Array:
        """Number the elements of a stage as the kernel of the RNG algorithm does: int64 [m]."""
        elements: Array = np.array(stage.elements, np.int64)
        if self.rng in MT19937_ALGORITHMS:  # one stream, which the draws take in turn
            if self.draw_size % BLOCK_SIZE:  # the last elements are drawn once more
                elements[elements >= self.draw_size - BLOCK_SIZE] += BLOCK_SIZE
            elements += self.first_draw * self.draw_size
        else:
            draws = self.first_draw + elements // self.draw_size
            elements = draws * philox_kernels.DRAW + elements % self.draw_size
        return elements

    def select_weights(self, elements: Sequence[int]) -> Array:
        """The weights of a stage: float32 [q, m], rows of unit length.

        They are clipped: the largest owe their size to what the picture shows rather than to noise,
        so that few of them alone score true seeds worse than their share of the whole says.
        """
        limit = CLIP * self.weights.std(1, keepdims=True)
        clipped = np.clip(self.weights[:, elements], -limit, limit)
        lengths = np.maximum(np.linalg.norm(clipped, axis=1, keepdims=True), 1e-30)
        selected: Array = np.ascontiguousarray(clipped / lengths, np.float32)
        return selected

    def compute_mean_scores(self, elements: Sequence[int]) -> Array:
        """Compute a true seed's mean score in ``elements`` at correlation 1, by query: [q]."""
        shares = (self.select_weights(elements) * self.weights[:, elements]).sum(1)
        scores: Array = np.sqrt(self.weights.shape[1]) * shares
        return scores

    def compute_miss_probability(self, correlation: float) -> Array:
        """Compute the probability, by query, that a stage rejects the true seed: [q].

        ``correlation`` (> 0) is that of weights and noise, assumed equal for all weights. The
        probabilities of the stages are added.
        """
        probabilities = [
            norm.cdf(
                (stage.threshold - correlation * self.compute_mean_scores(stage.elements))
                / compute_score_deviation(correlation)
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
                (z - correlation * mean_score) / compute_score_deviation(correlation)
            )
            missed = float(self.compute_miss_probability(correlation).max() + last_probability)
            return missed - (1 - chance)

        if compute_excess(1.0) >= 0:
            return 1.0
        return float(brentq(compute_excess, 1e-6, 1.0, xtol=1e-4))


def has_gpu_kernels() -> bool:
    """Whether there are a GPU and Triton, which torch installs where it can."""
    return torch.cuda.is_available() and find_spec("triton") is not None


def select_kernel(rng: str, elements: Array) -> Kernel:
    """Select the GPU's kernel if a GPU and Triton exist, else the CPU's.

    Their scores differ by at most 0.01, so near a threshold one may keep a few seeds that the other
    rejects. The GPU's kernel scans only what the first state of mt19937 gives: later elements are
    computed for few seeds, on the CPU.
    """
    is_cheap = rng not in MT19937_ALGORITHMS or int(elements[-1]) < mt19937_kernels.STATE_WORDS
    if is_cheap and has_gpu_kernels():
        from seedwitness.seedscan import triton_kernels

        return triton_kernels.KERNELS[rng]
    return KERNELS[rng]


def compute_score_deviation(correlation: float) -> float:
    """Compute the standard deviation of a true seed's score at a correlation."""
    return float(np.sqrt(max(1 - correlation * correlation, 1e-12)))
