"""Likelihood ratios from scores: how much better one proposition explains a score than another.

They need images that a checkpoint is known to have learned, and others that it never saw. H1: an
image comes back as the learned ones do; H2: it comes back no more than the others. An image that
was seen and not learned comes back as the others do. A ratio is not the probability of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

RIDGE = 1e-3
"""Penalty of the slope over standardised scores: separable scores get a finite slope."""

VERBAL_SCALE = (
    (1e6, "extremely strong"),
    (1e4, "very strong"),
    (1e3, "strong"),
    (1e2, "moderately strong"),
    (1e1, "moderate"),
    (2.0, "weak"),
)
"""The smallest ratio of each strength: ENFSI, Guideline for Evaluative Reporting, 2015."""


@dataclass(frozen=True)
class Calibration:
    """A score's likelihood ratio: logistic in the score, and bounded by the number of images.

    ``lowest`` and ``highest`` are the most that so many images of each kind can show.
    """

    slope: float
    intercept: float
    lowest: float
    highest: float

    def ratio(self, score: float) -> float:
        """The likelihood ratio H1 : H2 of a score, in [lowest, highest]."""
        log = min(max(self.slope * score + self.intercept, -700.0), 700.0)
        return float(min(max(np.exp(log), self.lowest), self.highest))

    def is_capped(self, score: float) -> bool:
        """Whether the ratio of a score is one of the bounds: the most that so many images show."""
        return self.ratio(score) in (self.lowest, self.highest)


def calibrate(positives: Sequence[float], negatives: Sequence[float]) -> Calibration:
    """Logistic calibration (Brümmer & du Preez 2006) of scores under H1 and under H2.

    Both kinds have the same total weight, so that the odds are the ratio. The ratio is bounded to
    [1 / (positives + 1), negatives + 1], because so few images show nothing rarer. Raises
    ValueError where a kind has fewer than two scores.
    """
    if min(len(positives), len(negatives)) < 2:
        raise ValueError("a calibration needs at least two scores of each kind")
    scores = np.array([*positives, *negatives], dtype=float)
    sign = np.array([1.0] * len(positives) + [-1.0] * len(negatives))
    weight = np.where(sign > 0, 0.5 / len(positives), 0.5 / len(negatives))
    centre = float((weight * scores).sum())
    spread = float((weight * (scores - centre) ** 2).sum()) ** 0.5 or 1.0
    x = (scores - centre) / spread

    def loss(ab: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (ab[0] * x + ab[1])
        value = float((weight * np.logaddexp(0.0, -margin)).sum() + RIDGE / 2 * ab[0] ** 2)
        pull = -weight * sign * expit(-margin)
        return value, np.array([float((pull * x).sum()) + RIDGE * ab[0], float(pull.sum())])

    slope, intercept = minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    return Calibration(
        slope=float(slope / spread),
        intercept=float(intercept - slope * centre / spread),
        lowest=1 / (len(positives) + 1),
        highest=float(len(negatives) + 1),
    )


def bootstrap_ratio(
    score: float,
    positives: Sequence[float],
    negatives: Sequence[float],
    *,
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    """Percentile interval at 95 % of the ratio of ``score`` over resampled images (Efron 1979).

    Each resample draws as many images of each kind, with replacement, and calibrates anew; the
    bounds of the ratio stay. Raises ValueError as ``calibrate``.
    """
    rng = np.random.default_rng(seed)
    p, n = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    ratios = [
        calibrate(rng.choice(p, len(p)).tolist(), rng.choice(n, len(n)).tolist()).ratio(score)
        for _ in range(resamples)
    ]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)


def leave_one_out_ratios(
    positives: Sequence[float], negatives: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The ratio of each score by a calibration without it. Raises ValueError as ``calibrate``."""
    p, n = list(positives), list(negatives)
    return (
        [calibrate([*p[:k], *p[k + 1 :]], n).ratio(score) for k, score in enumerate(p)],
        [calibrate(p, [*n[:k], *n[k + 1 :]]).ratio(score) for k, score in enumerate(n)],
    )


def cllr(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Cost of log likelihood ratios in bits (Brümmer & du Preez 2006), of ratios under H1 and H2.

    0 is perfect, 1 is the cost of a constant ratio of 1, and more than 1 misleads.
    """
    return float(
        (np.log2(1 + 1 / np.array(positives)).mean() + np.log2(1 + np.array(negatives)).mean()) / 2
    )


def find_verbal_strength(ratio: float, *, is_capped: bool = False) -> str | None:
    """The strength of a ratio on ENFSI's verbal scale, for whichever proposition it supports.

    A capped ratio gets the word of the class below: so few images cannot tell it from one just
    under the cap. None where it supports neither.
    """
    strength = max(ratio, 1 / ratio)
    words = [word for lowest, word in VERBAL_SCALE if strength >= lowest]
    return next(iter(words[1:] if is_capped else words), None)
