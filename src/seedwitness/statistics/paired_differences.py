"""Paired differences: mean and median with intervals, and the sign test. Nothing is random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom, binomtest

from seedwitness.records.document import Document
from seedwitness.statistics.ranks import mean_interval


class PairedSummary(Document):
    """What ``n`` paired differences say, with 95 % intervals.

    ``positive`` of them are above 0 and ``ties`` are 0. The limits of the median are None where
    there are too few differences for an exact interval, which takes six.
    """

    n: int
    mean: float
    low: float
    high: float
    median: float
    median_low: float | None
    median_high: float | None
    positive: int
    ties: int
    p: float


def summarise_differences(differences: Sequence[float], strata: Sequence[str]) -> PairedSummary:
    """Mean, median and sign test of differences; ``strata`` names the stratum of each.

    The interval of the mean is that of ``mean_interval`` with the strata fixed, that of the median
    is ``median_interval``, and p is ``sign_test``. Raises ValueError for fewer than two
    differences, which show no spread.
    """
    if len(differences) < 2:
        raise ValueError("an interval needs two differences")
    values, names = np.asarray(differences, dtype=float), np.asarray(strata)
    low, high = mean_interval([values[names == name] for name in np.unique(names)])
    median_low, median_high = median_interval(differences) or (None, None)
    positive, ties = int((values > 0).sum()), int((values == 0).sum())
    return PairedSummary(
        n=len(values),
        mean=float(values.mean()),
        low=low,
        high=high,
        median=float(np.median(values)),
        median_low=median_low,
        median_high=median_high,
        positive=positive,
        ties=ties,
        p=sign_test(positive, len(values) - ties),
    )


def sign_test(positive: int, n: int) -> float:
    """Two-sided p of ``positive`` of ``n`` differences above 0, ties left out (Arbuthnott 1710).

    It is exact, and assumes nothing of the differences but that they are independent. Without a
    difference it is 1.
    """
    return float(binomtest(positive, n).pvalue) if n else 1.0


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The exact interval of the median from order statistics (Thompson 1936), at 95 % or more.

    The k-th smallest and the k-th largest of n bound the median with a probability of at least
    1 − 2 P(B < k), where B is binomial in n and 1/2. None where even k = 1 gives less than 95 %.
    """
    n = len(values)
    k = int(binom.ppf(0.025, n, 0.5))
    if k < 1:
        return None
    ordered = sorted(values)
    return float(ordered[k - 1]), float(ordered[n - k])
