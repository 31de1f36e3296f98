"""Differences of two rates over the same trials: intervals and exact tests."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from scipy.stats import norm

from seedwitness.records.document import Document
from seedwitness.statistics.paired_differences import sign_test


class PairedRateDifference(Document):
    """How much more often the first of two conditions hits, over ``n`` trials of both.

    ``first_only`` and ``second_only`` of them hit under one condition alone. ``low`` and ``high``
    are the 95 % interval of Agresti and Min (2005); ``p`` is McNemar's exact test (1947).
    """

    n: int
    first_only: int
    second_only: int
    difference: float
    low: float
    high: float
    p: float


def compare_paired_rates(first: Sequence[bool], second: Sequence[bool]) -> PairedRateDifference:
    """Compare two conditions over the same trials, in their order.

    The interval is Wald's after half a trial was added to each of the four outcomes, which keeps
    its level with few trials. Raises ValueError where the numbers differ or there are no trials.
    """
    pairs = list(zip(first, second, strict=True))
    n = len(pairs)
    if not n:
        raise ValueError("a comparison of rates needs trials")
    first_only = sum(one and not other for one, other in pairs)
    second_only = sum(other and not one for one, other in pairs)
    b, c, total = first_only + 0.5, second_only + 0.5, n + 2
    centre = (b - c) / total
    deviation = sqrt((b + c) - (b - c) ** 2 / total) / total
    half = float(norm.ppf(0.975)) * deviation
    return PairedRateDifference(
        n=n,
        first_only=first_only,
        second_only=second_only,
        difference=(first_only - second_only) / n,
        low=max(-1.0, centre - half),
        high=min(1.0, centre + half),
        p=sign_test(first_only, first_only + second_only),
    )
