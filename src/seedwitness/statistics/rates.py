"""Rates with exact intervals, and thresholds from controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest


@dataclass(frozen=True)
class Rate:
    """``hits`` of ``n``, with the interval of Clopper and Pearson (Biometrika 1934)."""

    hits: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The observed rate, in [0, 1]."""
        return self.hits / self.n

    def __str__(self) -> str:
        return (
            f"{100 * self.value:.1f} % ({self.hits} of {self.n}; "
            f"95 % interval {100 * self.low:.1f} to {100 * self.high:.1f} %)"
        )


def rate(hits: int, n: int, *, up_to_hit: bool = False) -> Rate:
    """Clopper–Pearson interval of a binomial rate, at 95 %. Raises ValueError where ``n`` is 0.

    ``up_to_hit`` says that the counting went on until so many ``hits`` were there, the last of them
    the n-th: then the exact upper limit is that of one hit fewer in one trial fewer (the negative
    binomial tail is the binomial one), and the lower limit the same.
    """
    interval = binomtest(hits, n).proportion_ci(0.95, method="exact")
    high = float(interval.high)
    if up_to_hit:
        if not hits:
            raise ValueError("a count that went on until a hit has one")
        before = binomtest(hits - 1, n - 1) if n > 1 else None
        high = float(before.proportion_ci(0.95, method="exact").high) if before else 1.0
    return Rate(hits, n, float(interval.low), high)


def lowest_point(values: Sequence[float], alpha: float) -> float:
    """Largest threshold that at most a share ``alpha`` of controls is expected to be at or below.

    The k-th smallest of m exchangeable values has a new one at or below it with probability
    k / (m + 1): so k = ⌊alpha (m + 1)⌋. Raises ValueError where m is too small for any k.
    """
    k = int(alpha * (len(values) + 1) + 1e-9)
    if k < 1:
        raise ValueError(f"{len(values)} controls are too few for a point at {alpha}")
    return sorted(values)[k - 1]
