"""How often the whole rule for *memorised* gives a finding, by simulation, and what it costs.

The model: an image has an ease, in part the same on both checkpoints, and its trials are scattered
about it; the closest of n counts. A copy is closer than any trial of an image that was not learned.
What a simulation gives is the power of the rule where this holds, and its error rate where nothing
was learned. It does not tell how often a checkpoint gives copies; that is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from seedwitness.statistics.ranks import count_allowed_controls, rank_among_controls
from seedwitness.statistics.residual_ranks import fit_residuals
from seedwitness.statistics.sequential_ranks import rank_in_sequence

COPY = -12.0
"""The distance of a copy, in standard deviations of trials about their image's ease."""

MOST_FITTED = 200
"""Controls that a simulated line is fitted to, of more: it hardly moves, and all pairs are many."""


@dataclass(frozen=True)
class Design:
    """A study of one case: trials, controls and levels.

    ``trials`` are those that p rests on, of the target and each control, and ``reference_trials``
    the first of them that the controls run on the reference. ``cases`` share ``alpha``. ``ease`` is
    the standard deviation of ease over images, and ``correlation`` that of it on two checkpoints.
    ``refused`` is the share of targets that are refused whatever their figures.
    """

    trials: int
    reference_trials: int
    controls: int
    alpha: float
    cases: int = 1
    ease: float = 1.0
    correlation: float = 0.8
    refused: float = 0.0


@dataclass(frozen=True)
class Simulation:
    """What became of simulated targets: shares of ``runs``, and the mean of controls drawn."""

    runs: int
    supported: float
    ranked: float
    """Those whose rank alone had p ≤ α."""
    controls_drawn: float


def simulate_findings(design: Design, rate: float, runs: int, seed: int) -> Simulation:
    """Apply the rule to ``runs`` targets whose trials are copies at ``rate``, 0 for unseen ones.

    The rule is that of ``verdict``: the sequential rank among controls at α / cases, which is the
    first step of Holm; a copy among the trials that p rests on, closer than the controls allow; the
    rank of the gain by ``fit_residuals``; the reference's own rank above α. Copies on the reference
    are left out, since it gives none here. Raises ValueError where the controls are too few.
    """
    if not count_allowed_controls(design.controls, design.alpha / design.cases):
        raise ValueError(f"{design.controls} controls are too few for {design.cases} cases")
    rng = np.random.default_rng(seed)
    supported = ranked = drawn = 0
    for _ in range(runs):
        y, x = _draw_closest(design, rng)
        is_hit = rng.random() < 1 - (1 - rate) ** design.trials
        y[0] = COPY + rng.normal() / 10 if is_hit else y[0]
        found = rank_in_sequence(y[0], y[1:].tolist(), design.controls, design.alpha)
        drawn += found.drawn
        if found.is_stopped or found.p * design.cases > design.alpha:
            continue
        ranked += 1
        if is_hit and rng.random() >= design.refused and _gains(design, y, x):
            supported += 1
    return Simulation(runs, supported / runs, ranked / runs, drawn / runs)


def _draw_closest(
    design: Design, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Closest distances of target and controls on the checkpoint and on the reference."""
    images = design.controls + 1
    share = design.correlation
    ease = rng.multivariate_normal([0, 0], [[1, share], [share, 1]], images) * design.ease
    closest = [
        ease[:, side] + norm.ppf(1 - rng.random(images) ** (1 / trials))
        for side, trials in enumerate((design.trials, design.reference_trials))
    ]
    return closest[0], closest[1]


def _gains(design: Design, y: NDArray[np.float64], x: NDArray[np.float64]) -> bool:
    """Whether the gain has p ≤ α over all cases, and the reference's own rank has not."""
    few = slice(1, 1 + MOST_FITTED)
    slope = fit_residuals(y[0], x[0], y[few].tolist(), x[few].tolist()).slope
    residuals = y - slope * x
    gain = rank_among_controls(residuals[0], residuals[1:].tolist(), design.alpha)
    reference = rank_among_controls(x[0], x[1:].tolist(), design.alpha)
    return gain.p * design.cases <= design.alpha and reference.p > design.alpha
