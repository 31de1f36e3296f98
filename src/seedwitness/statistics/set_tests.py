"""One p for a set of images: permutation tests of their gains against those of held-out images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 9_999


def compare_sets(
    works: Sequence[float], held_out: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 1
) -> float:
    """One-sided p that ``works`` have larger values than ``held_out``, by permuted labels.

    The statistic is the difference of the means. p = (1 + permutations with at least the same) /
    (1 + ``resamples``) is exact where works and held-out images are exchangeable (Phipson & Smyth,
    2010). Permutations are drawn by ``seed``. Raises ValueError where one of the sets is empty.
    """
    if not len(works) or not len(held_out):
        raise ValueError("a comparison of sets needs a value in each")
    values = np.concatenate([np.asarray(works, float), np.asarray(held_out, float)])
    count, rng = len(works), np.random.default_rng(seed)
    # The places of the smallest random keys are a random subset.
    keys = rng.random((resamples, len(values)), dtype=np.float32)
    chosen = np.argpartition(keys, count - 1, axis=1)[:, :count]  # [resamples, works]
    # With the total fixed, the difference of means grows with the sum over the works.
    return _count(values[chosen].sum(axis=1), float(values[:count].sum()))


def compare_pairs_of_sets(
    differences: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 1
) -> float:
    """One-sided p that works have larger values than the held-out image of their pair.

    ``differences`` are those of each pair; under the null hypothesis their signs are arbitrary. p
    is as in ``compare_sets``, and cannot be below 1 / 2 ** pairs by much: with few pairs a finding
    is impossible. Raises ValueError without pairs.
    """
    values = np.asarray(differences, float)
    if not len(values):
        raise ValueError("a comparison of pairs needs a pair")
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], size=(resamples, len(values)))
    return _count(signs @ values, float(values.sum()))


def _count(drawn: np.ndarray[tuple[int, ...], np.dtype[np.float64]], own: float) -> float:
    slack = 1e-9 * max(1.0, abs(own))  # a permutation that is the same set may differ by rounding
    return float((1 + (drawn >= own - slack).sum()) / (1 + len(drawn)))
