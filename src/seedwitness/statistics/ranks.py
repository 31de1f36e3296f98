"""Rank of a case among its controls, and paired comparison with a reference checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from scipy.stats import permutation_test, t

from seedwitness.records.findings import PairedComparison, Rank


def rank_among_controls(distance: float, control_distances: Sequence[float], alpha: float) -> Rank:
    """Monte Carlo rank test: p = (1 + controls at least as close) / (1 + controls).

    Valid where target and controls are exchangeable (Phipson & Smyth, 2010): the same steps,
    prompts at least as informative, the same budget. Its resolution is 1 / (1 + controls). A tie
    counts against the target.
    """
    others = np.asarray(control_distances, dtype=float)
    close = int((others <= distance).sum())
    return Rank(
        at_least_as_close=close,
        controls=len(others),
        p=(1 + close) / (1 + len(others)),
        family=1,
        p_family=(1 + close) / (1 + len(others)),
        resolution=1 / (1 + len(others)),
        alpha=alpha,
    )


def holm_adjust(p: Sequence[float]) -> list[float]:
    """p of each of several tests, corrected by Holm (1979), in the same order.

    The k-th smallest of m, counted from 0, is taken m − k times, and is no smaller than the one
    before. At most a share α of families of which no test has anything to show gets any below α,
    however the tests depend on one another.
    """
    order = sorted(range(len(p)), key=lambda each: p[each])
    found, highest = [0.0] * len(p), 0.0
    for place, each in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - place) * p[each]))
        found[each] = highest
    return found


def adjust_in_family(ranked: Rank, company: Sequence[float]) -> Rank:
    """A rank whose p is corrected by Holm in the company of other tests' p."""
    family = [ranked.p, *company]
    return ranked.model_copy(update={"family": len(family), "p_family": holm_adjust(family)[0]})


def compare_pairs(
    distances: Sequence[float],
    reference_distances: Sequence[float],
    groups: Sequence[str],
    *,
    resamples: int,
    seed: int,
    checkpoint: str,
    checkpoint_sha256: str,
    what: str,
) -> PairedComparison:
    """Mean difference over the same recipes on two checkpoints, by a sign-flip permutation test.

    Positive: closer on the checkpoint under examination. One-sided p; the interval is that of
    ``mean_interval``. Trials of one of the ``groups``, which are their prompts, are alike, so p
    speaks of these recipes, not of all that might have been tried. Raises ValueError where there
    are fewer than two pairs.
    """
    if len(distances) < 2:
        raise ValueError("a paired test needs two pairs")
    gain = np.asarray(reference_distances, dtype=float) - np.asarray(distances, dtype=float)
    tested = permutation_test(
        (gain,),
        np.mean,
        permutation_type="samples",
        alternative="greater",
        n_resamples=resamples,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    low, high = mean_interval([gain[rows] for rows in _by_group(groups)])
    return PairedComparison(
        checkpoint=checkpoint,
        checkpoint_sha256=checkpoint_sha256,
        n=len(gain),
        difference=float(gain.mean()),
        low=low,
        high=high,
        p=float(tested.pvalue),
        what=what,
    )


def mean_interval(groups: Sequence[np.ndarray[Any, Any]]) -> tuple[float, float]:
    """Student's t interval at 95 % of the mean over all values, the groups being fixed.

    The variance is that within groups, by their shares, with the degrees of freedom of
    Satterthwaite (1946). Where a group has a single value all are taken as one. Values that differ
    by rounding alone have no variance.
    """
    if min(map(len, groups)) < 2:
        groups = [np.concatenate(groups)]
    n = sum(map(len, groups))
    parts = [
        0.0 if _alike(each) else (len(each) / n) ** 2 * each.var(ddof=1) / len(each)
        for each in groups
    ]
    middle, variance = float(np.concatenate(groups).mean()), float(sum(parts))
    if not variance:
        return middle, middle
    freedom = variance**2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, groups, strict=True)
    )
    reach = float(t.ppf(0.975, freedom)) * sqrt(variance)
    return middle - reach, middle + reach


def _alike(values: np.ndarray[Any, Any]) -> bool:
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())


def _by_group(groups: Sequence[str]) -> list[list[int]]:
    """Places of each group's members."""
    places: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    return list(places.values())
