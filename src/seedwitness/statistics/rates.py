"""Rates with exact intervals, and thresholds from controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

from seedwitness.records.rates import Rate
from seedwitness.statistics.ranks import count_allowed_controls

if TYPE_CHECKING:
    import pandas as pd


def estimate_rate(hits: int, n: int, what: str = "", *, up_to_hit: bool = False) -> Rate:
    """A binomial rate with its 95 % interval of Clopper and Pearson (Biometrika 1934).

    ``what`` is the code of what is counted. ``up_to_hit`` says that the count went on until the
    last of the ``hits``, which is the n-th trial: then the exact upper limit is that of one hit
    fewer in one trial fewer (the tail of the negative binomial is that of the binomial), and the
    lower limit is the same. Raises ValueError where ``n`` is 0, or ``up_to_hit`` without a hit.
    """
    interval = binomtest(hits, n).proportion_ci(0.95, method="exact")
    high = float(interval.high)
    if up_to_hit:
        if not hits:
            raise ValueError("a count up to a hit needs at least one hit")
        before = binomtest(hits - 1, n - 1) if n > 1 else None
        high = float(before.proportion_ci(0.95, method="exact").high) if before else 1.0
    return Rate(hits=hits, n=n, low=float(interval.low), high=high, what=what)


def estimate_share(
    hits: Sequence[bool] | pd.Series, what: str = "", *, up_to_hit: bool = False
) -> Rate:
    """The rate of true values among ``hits``; the other arguments are as for ``estimate_rate``."""
    return estimate_rate(int(np.sum(hits)), len(hits), what, up_to_hit=up_to_hit)


def find_threshold(control_distances: Sequence[float], alpha: float) -> float:
    """The largest threshold at or below which at most a share ``alpha`` of controls is expected.

    The k-th smallest of m exchangeable values has a new one at or below it with probability
    k / (m + 1), so k = ⌊alpha (m + 1)⌋. Raises ValueError where m is too small for any k.
    """
    k = count_allowed_controls(len(control_distances), alpha)
    if k < 1:
        raise ValueError(
            f"{len(control_distances)} controls are too few for a threshold at {alpha}"
        )
    return sorted(control_distances)[k - 1]
