"""How well a statistic tells positives from negatives, with intervals by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, from so many positives and negatives."""

    value: float
    low: float
    high: float
    positives: int
    negatives: int


def auc(positives: Values, negatives: Values) -> float:
    """Area under the ROC curve: the chance that a positive lies above a negative, ties half.

    The statistic of Mann and Whitney (1947) over its largest; minus infinity is a value like any
    other.
    """
    own, others = np.asarray(positives, dtype=float)[:, None], np.asarray(negatives, dtype=float)
    return float((own > others).mean() + (own == others).mean() / 2)


def tpr_at(positives: Values, negatives: Values, fpr: float = 0.01) -> float:
    """Share of positives above a threshold that at most a share ``fpr`` of negatives is above.

    The threshold is a negative's own value and has to be passed, so with few negatives the figure
    errs on the low side. ``fpr`` is in [0, 1). Raises ValueError where there are no negatives.
    """
    if not len(negatives):
        raise ValueError("without negatives there is no false positive rate")
    allowed = int(fpr * len(negatives) + 1e-9)
    threshold = np.sort(np.asarray(negatives, dtype=float))[::-1][allowed]
    return float((np.asarray(positives, dtype=float) > threshold).mean())


def estimate(
    figure: Callable[[Values, Values], float],
    positives: Values,
    negatives: Values,
    *,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> Estimate:
    """A figure of positives and negatives, and the 95 % interval of the percentile bootstrap.

    Both are drawn anew, each by itself (Efron & Tibshirani, 1993). Where all of them are told apart
    the interval has no width: read it with their numbers.
    """
    rng = np.random.default_rng(seed)
    own, others = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    drawn = [
        figure(rng.choice(own, len(own)), rng.choice(others, len(others))) for _ in range(resamples)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(figure(own, others), float(low), float(high), len(own), len(others))
