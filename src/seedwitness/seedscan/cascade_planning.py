"""Plan the cascade of a seed scan: few elements of all seeds, more of those that pass.

The elements of a stage are those with the largest weights, clipped ones in their order, because
they carry most of the score. A stage is added in front as long as that lowers the expected cost of
a seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.seeds.torch_cpu import BLOCK_SIZE
from seedwitness.seedscan.cascade import (
    KERNELS,
    MT19937_ALGORITHMS,
    Array,
    CascadePlan,
    CascadeStage,
    compute_score_deviation,
)
from seedwitness.seedscan.mt19937_kernels import EARLY_WORDS, PAIR_DISTANCE, STATE_WORDS

STAGE_SIZES = (
    *(8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048),
    *(3072, 4096, 6144, 8192, 12288, 16384),
)
"""Numbers of elements that a stage may take."""

MISS_PROBABILITIES = (0.025, 0.01, 0.005)
"""Probabilities that the first, the second and the last stage miss a true seed of the correlation
for which the plan is made."""

LAST_THRESHOLD = 4.3
"""Threshold of the last stage, and the largest of any stage: by chance 37,000 of the 2^32 seeds
pass, and a higher threshold would lose true seeds and save nothing."""

PAIR_COST, MIX_COST = 18.0, 1.3
"""Cost of computing a pair of mt19937's elements, and of mixing a word of its state, relative to
filling a word of the state from the seed: measured on a CPU (docs/seeds.md)."""


@dataclass(frozen=True)
class _Option:
    """Elements that a stage may take, in the order of the weights, and the cost of a seed."""

    elements: tuple[int, ...]
    cost: float


def plan_cascade(
    weights: Array,
    rng: str,
    min_z: float,
    *,
    draw_size: int | None = None,
    first_draw: int = 0,
) -> CascadePlan:
    """Plan a scan for weights [q, n] of any norm, one row a query, in the order of the noise.

    The weights are those of one draw, or of several of ``draw_size`` elements from ``first_draw``
    on. The plan rejects a seed whose noise gives ``min_z`` or more on all elements only with
    MISS_PROBABILITIES, at the least expected cost.

    Raises ConfigError for an RNG algorithm that cannot be scanned, for weights that are too few or
    all zero, and for later draws of torch's CPU generator whose elements 16 does not divide.
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
            f"{rows.shape[1]} of norm {lengths.min()}: no noise is left in the picture."
        )
    draw_size = draw_size or rows.shape[1]
    has_later_draws = first_draw > 0 or rows.shape[1] > draw_size
    if has_later_draws and rng in MT19937_ALGORITHMS and draw_size % BLOCK_SIZE:
        raise ConfigError(
            f"Later draws of {rng} can be scanned only if {BLOCK_SIZE} divides the number of "
            f"elements, not with {draw_size}: torch draws several pictures of such a size in other "
            "blocks than one by one."
        )
    unit = (rows / lengths).astype(np.float32)
    plan = CascadePlan(rng, unit, (), draw_size, first_draw)
    min_correlation = min(0.99, min_z / unit.shape[1] ** 0.5)
    options = list(_iter_options(plan))
    last = max(options, key=lambda option: float(plan.compute_mean_scores(option.elements).min()))
    stages = [_make_stage(plan, last, min_correlation, MISS_PROBABILITIES[-1])]
    cost = last.cost
    for miss_probability in MISS_PROBABILITIES[-2::-1]:
        made = [_make_stage(plan, option, min_correlation, miss_probability) for option in options]
        costs = [
            option.cost + cost * min(1.0, len(unit) * float(norm.sf(stage.threshold)))
            for option, stage in zip(options, made, strict=True)
        ]
        cheapest = int(np.argmin(costs))
        if costs[cheapest] < cost:
            stages.insert(0, made[cheapest])
            cost = costs[cheapest]
    return CascadePlan(rng, unit, tuple(stages), draw_size, first_draw)


def _make_stage(
    plan: CascadePlan, option: _Option, min_correlation: float, miss_probability: float
) -> CascadeStage:
    mean_score = min_correlation * float(plan.compute_mean_scores(option.elements).min())
    deviation = compute_score_deviation(min_correlation)
    threshold = mean_score + float(norm.ppf(miss_probability)) * deviation
    return CascadeStage(option.elements, min(LAST_THRESHOLD, threshold))


def _iter_options(plan: CascadePlan) -> Iterator[_Option]:
    power = (plan.select_weights(range(plan.weights.shape[1])).astype(np.float64) ** 2).sum(0)
    if plan.rng not in MT19937_ALGORITHMS:
        order = np.argsort(-power, kind="stable")
        for size in STAGE_SIZES:
            if size <= len(order):
                yield _Option(tuple(sorted(order[:size].tolist())), float(size))
        return
    first = _list_first_of_pairs(len(power), plan.draw_size)
    last = plan.number_elements(CascadeStage(tuple((first + PAIR_DISTANCE).tolist()), 0.0))
    order = np.argsort(-(power[first] + power[first + PAIR_DISTANCE]), kind="stable")
    horizon = EARLY_WORDS // 4
    while horizon < 2 * last[-1]:
        near = order[last[order] < horizon]
        horizon = STATE_WORDS if EARLY_WORDS <= horizon < STATE_WORDS else 2 * horizon
        for size in STAGE_SIZES:
            if size <= 2 * len(near):
                chosen = np.sort(near[: size // 2])
                pairs = first[chosen, None] + (0, PAIR_DISTANCE)
                words = int(last[chosen[-1]]) + 1
                cost = _compute_state_cost(words) + size / 2 * PAIR_COST
                yield _Option(tuple(int(element) for element in pairs.ravel()), cost)


def _list_first_of_pairs(count: int, draw_size: int) -> Array:
    """The elements that, each with the one PAIR_DISTANCE later, come from the same two words.

    If 16 does not divide a draw, torch draws its last 16 elements once more, from further words.
    """
    if draw_size % BLOCK_SIZE:
        starts = np.append(np.arange(0, count - 2 * BLOCK_SIZE + 1, BLOCK_SIZE), count - BLOCK_SIZE)
    else:
        starts = np.arange(0, count, BLOCK_SIZE)
    firsts: Array = (starts[:, None] + np.arange(PAIR_DISTANCE)).ravel()
    return firsts


def _compute_state_cost(words: int) -> float:
    """The cost of the state of mt19937 for the first ``words`` elements of its stream."""
    if words <= EARLY_WORDS:
        return STATE_WORDS - EARLY_WORDS + float(words)
    return STATE_WORDS + MIX_COST * words
