"""Sample sizes: how many controls and seeds an answer needs."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, log1p


def count_controls_needed(alpha: float, cases: int = 1) -> int:
    """The fewest controls with which p can fall to ``alpha`` / ``cases``, after Bonferroni.

    The rank among m controls gives no p below 1 / (m + 1). Raises ValueError for an alpha outside
    (0, 1), or fewer cases than one.
    """
    if not 0 < alpha < 1 or cases < 1:
        raise ValueError(f"alpha {alpha} is not in (0, 1), or {cases} cases are fewer than one")
    return ceil(cases / Fraction(str(alpha))) - 1


def count_seeds_needed(rate: float, power: float) -> int:
    """The fewest seeds that show a copy with chance ``power``, where copies occur at ``rate``.

    This is the smallest n with 1 - (1 - rate)^n ≥ power. Raises ValueError for a rate or power
    outside (0, 1).
    """
    if not (0 < rate < 1 and 0 < power < 1):
        raise ValueError(f"rate {rate} or power {power} is not in (0, 1)")
    return ceil(log1p(-power) / log1p(-rate) - 1e-9)
