"""Likelihood ratios from scores: how much better one proposition explains a score than another.

Only where pictures are known that a checkpoint has learned, and others that it has not. H1: the
checkpoint saw the image as often as the known ones; H2: it never saw it. A ratio is no probability
of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

RIDGE = 1e-3
"""Pulls the slope, over standardised scores, so that separate scores have a finite one."""

WORDS = (
    (1e6, "extremely strong"),
    (1e4, "very strong"),
    (1e3, "strong"),
    (1e2, "moderately strong"),
    (1e1, "moderate"),
    (2.0, "weak"),
)
"""From where on a ratio has which word: ENFSI, Guideline for Evaluative Reporting, 2015."""


@dataclass(frozen=True)
class Calibration:
    """A score's likelihood ratio: logistic in the score, and bounded by how much data there was.

    ``lowest`` and ``highest`` are what so many pictures of each kind can show at most.
    """

    slope: float
    intercept: float
    lowest: float
    highest: float

    def ratio(self, score: float) -> float:
        """The likelihood ratio H1 : H2 of a score, in [lowest, highest]."""
        log = min(max(self.slope * score + self.intercept, -700.0), 700.0)
        return float(min(max(np.exp(log), self.lowest), self.highest))


def calibrate(positives: Sequence[float], negatives: Sequence[float]) -> Calibration:
    """Logistic calibration (Brümmer & du Preez 2006) of scores under H1 and under H2.

    Both kinds weigh alike, however many there are, so that the odds are the ratio. Bounded to
    [1 / (positives + 1), negatives + 1]: rarer things than 1 of so many nobody has looked for.
    Raises ValueError where a kind has fewer than two scores.
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


def left_out(
    positives: Sequence[float], negatives: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The ratio of each score by a calibration that did not know it. As ``calibrate`` raises."""
    p, n = list(positives), list(negatives)
    return (
        [calibrate([*p[:k], *p[k + 1 :]], n).ratio(score) for k, score in enumerate(p)],
        [calibrate(p, [*n[:k], *n[k + 1 :]]).ratio(score) for k, score in enumerate(n)],
    )


def cllr(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Cost of log likelihood ratios in bits (Brümmer & du Preez 2006), of ratios under H1 and H2.

    0 is perfect, 1 is what always saying 1 costs, and more than 1 misleads.
    """
    return float(
        (np.log2(1 + 1 / np.array(positives)).mean() + np.log2(1 + np.array(negatives)).mean()) / 2
    )


def words(ratio: float) -> str:
    """A ratio in ENFSI's words, for the proposition that it speaks for."""
    strength = max(ratio, 1 / ratio)
    for least, word in WORDS:
        if strength >= least:
            return f"{word} support for {'H1' if ratio > 1 else 'H2'}"
    return "no support for either"
