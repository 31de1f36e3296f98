"""Rank of a case among its controls, and paired comparison with a reference checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from scipy.stats import beta, permutation_test, t

from seedwitness.records.findings import PairedComparison, Rank


def rank_among_controls(distance: float, control_distances: Sequence[float], alpha: float) -> Rank:
    """Monte Carlo rank test: p = (1 + controls at least as close) / (1 + controls).

    After Phipson & Smyth (2010). Valid where target and controls are exchangeable: the same stages,
    prompts at least as informative, the same budget. The smallest p is 1 / (1 + controls). A tie
    counts against the target.
    """
    others = np.asarray(control_distances, dtype=float)
    close = int((others <= distance).sum())
    return Rank(
        at_least_as_close=close,
        controls=len(others),
        planned=len(others),
        p=(1 + close) / (1 + len(others)),
        family=1,
        p_family=(1 + close) / (1 + len(others)),
        resolution=1 / (1 + len(others)),
        alpha=alpha,
        conditional_alpha=bound_error_rate(len(others), alpha),
    )


def count_allowed_controls(controls: int, alpha: float) -> int:
    """The number of controls from which p is above ``alpha``: k = ⌊alpha (controls + 1)⌋.

    With fewer controls at least as close, p = (1 + that many) / (1 + controls) is at most alpha.
    """
    return int(alpha * (controls + 1) + 1e-9)


def bound_error_rate(controls: int, alpha: float, confidence: float = 0.95) -> float:
    """Upper limit of how often p ≤ ``alpha`` for images never seen, given one set of controls.

    Over all sets the rate is at most alpha; for one set it has the distribution Beta(k, m + 1 − k),
    k = ⌊alpha (m + 1)⌋ (Vovk, 2012). The limit is its quantile at ``confidence``; 0 where k is 0,
    because no p is that small.
    """
    k = count_allowed_controls(controls, alpha)
    return float(beta.ppf(confidence, k, controls + 1 - k)) if k else 0.0


def holm_adjust(p: Sequence[float]) -> list[float]:
    """p of each of several tests, adjusted by Holm (1979), in the same order.

    The k-th smallest of m, counted from 0, is multiplied by m − k and is no smaller than the one
    before. If every null hypothesis of a family is true, the chance that any adjusted p is at most
    α is at most α, however the tests depend on one another.
    """
    order = sorted(range(len(p)), key=lambda test: p[test])
    adjusted, highest = [0.0] * len(p), 0.0
    for place, test in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - place) * p[test]))
        adjusted[test] = highest
    return adjusted


def adjust_in_family(rank: Rank, family_p: Sequence[float]) -> Rank:
    """A rank whose p is adjusted by Holm for p of the other tests of its family."""
    family = [rank.p, *family_p]
    return rank.model_copy(update={"family": len(family), "p_family": holm_adjust(family)[0]})


def compare_pairs(
    distances: Sequence[float],
    reference_distances: Sequence[float],
    groups: Sequence[str],
    *,
    resamples: int,
    seed: int,
    checkpoint: str,
    checkpoint_sha256: str,
    metric: str,
    blind_only: bool,
) -> PairedComparison:
    """Mean difference over the same recipes on two checkpoints, by a sign-flip permutation test.

    The difference is positive where the checkpoint under examination is closer. p is one-sided; the
    interval is that of ``mean_interval``. Trials of one group, which is their prompt, are alike, so
    p is about these recipes and not about all that might have been tried. Raises ValueError for
    fewer than two pairs.
    """
    if len(distances) < 2:
        raise ValueError("a paired test needs two pairs")
    gain = np.asarray(reference_distances, dtype=float) - np.asarray(distances, dtype=float)
    test = permutation_test(
        (gain,),
        np.mean,
        permutation_type="samples",
        alternative="greater",
        n_resamples=resamples,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    low, high = mean_interval([gain[rows] for rows in _rows_by_group(groups)])
    return PairedComparison(
        checkpoint=checkpoint,
        checkpoint_sha256=checkpoint_sha256,
        metric=metric,
        blind_only=blind_only,
        n=len(gain),
        difference=float(gain.mean()),
        low=low,
        high=high,
        p=float(test.pvalue),
    )


def mean_interval(groups: Sequence[np.ndarray[Any, Any]]) -> tuple[float, float]:
    """Student's t interval at 95 % of the mean over all values, with the groups fixed.

    The variance is that within groups, weighted by their shares, with the degrees of freedom of
    Satterthwaite (1946). Where a group has a single value, all values are one group. Values that
    differ only by rounding have no variance.
    """
    if min(map(len, groups)) < 2:
        groups = [np.concatenate(groups)]
    n = sum(map(len, groups))
    parts = [
        0.0 if _is_constant(group) else (len(group) / n) ** 2 * group.var(ddof=1) / len(group)
        for group in groups
    ]
    middle, variance = float(np.concatenate(groups).mean()), float(sum(parts))
    if not variance:
        return middle, middle
    freedom = variance**2 / sum(
        part**2 / (len(group) - 1) for part, group in zip(parts, groups, strict=True)
    )
    reach = float(t.ppf(0.975, freedom)) * sqrt(variance)
    return middle - reach, middle + reach


def _is_constant(values: np.ndarray[Any, Any]) -> bool:
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())


def _rows_by_group(groups: Sequence[str]) -> list[list[int]]:
    """The rows of each group's members."""
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return list(rows.values())
