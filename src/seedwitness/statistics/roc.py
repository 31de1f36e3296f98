"""How well a statistic separates positives from negatives, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class BootstrapEstimate:
    """A figure with its 95 % interval, and the numbers of positives and negatives."""

    value: float
    low: float
    high: float
    positives: int
    negatives: int


def auc(positives: Values, negatives: Values) -> float:
    """Area under the ROC curve: the chance that a positive lies above a negative, ties half.

    This is the statistic of Mann and Whitney (1947) divided by its maximum. Minus infinity is a
    valid value.
    """
    high, low = np.asarray(positives, dtype=float)[:, None], np.asarray(negatives, dtype=float)
    return float((high > low).mean() + (high == low).mean() / 2)


def tpr_at(positives: Values, negatives: Values, fpr: float = 0.01) -> float:
    """Share of positives above a threshold that at most a share ``fpr`` of negatives is above.

    The threshold is a negative's value and must be exceeded, so with few negatives the figure is
    too low rather than too high. ``fpr`` is in [0, 1). Raises ValueError without negatives.
    """
    if not len(negatives):
        raise ValueError("without negatives there is no false positive rate")
    allowed = int(fpr * len(negatives) + 1e-9)
    threshold = np.sort(np.asarray(negatives, dtype=float))[::-1][allowed]
    return float((np.asarray(positives, dtype=float) > threshold).mean())


def estimate_by_bootstrap(
    figure: Callable[[Values, Values], float],
    positives: Values,
    negatives: Values,
    *,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> BootstrapEstimate:
    """A figure of positives and negatives, and the 95 % interval of the percentile bootstrap.

    Positives and negatives are resampled separately (Efron & Tibshirani, 1993). Where they are
    separated completely the interval has no width: read it with their numbers.
    """
    rng = np.random.default_rng(seed)
    positive_values, negative_values = (
        np.asarray(positives, dtype=float),
        np.asarray(negatives, dtype=float),
    )
    drawn = [
        figure(
            rng.choice(positive_values, len(positive_values)),
            rng.choice(negative_values, len(negative_values)),
        )
        for _ in range(resamples)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return BootstrapEstimate(
        figure(positive_values, negative_values),
        float(low),
        float(high),
        len(positive_values),
        len(negative_values),
    )


def estimate_auc(
    positives: Values, negatives: Values, *, resamples: int = RESAMPLES, seed: int = 1
) -> BootstrapEstimate:
    """AUC with the interval of ``estimate_by_bootstrap``, for which all resamples are one product.

    A resample is how often it draws each value, so that its AUC is a mean of the comparisons of all
    pairs weighted by both counts.
    """
    high, low = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    pairs = (high[:, None] > low) + (high[:, None] == low) / 2  # [positives, negatives]
    rng = np.random.default_rng(seed)
    weights = [
        rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=resamples) / len(each)
        for each in (high, low)
    ]
    drawn = ((weights[0] @ pairs) * weights[1]).sum(axis=1)
    bottom, top = np.percentile(drawn, [2.5, 97.5])
    return BootstrapEstimate(auc(high, low), float(bottom), float(top), len(high), len(low))
