"""Permutation tests of a set: exact under the null, and equal to the full enumeration."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from seedwitness.statistics.set_tests import compare_pairs_of_sets, compare_sets


def test_p_is_that_of_all_permutations() -> None:
    works, held_out = [3.0, 1.5, 2.2], [1.0, 2.0, 0.3, 1.1, 2.4]
    values = np.array([*works, *held_out])
    sums = [values[list(chosen)].sum() for chosen in combinations(range(8), 3)]
    exact = np.mean(np.array(sums) >= sum(works) - 1e-9)
    assert compare_sets(works, held_out, resamples=40_000) == pytest.approx(exact, abs=0.01)


def test_p_of_pairs_is_that_of_all_signs() -> None:
    differences = np.array([0.5, 1.2, -0.1, 0.7, 0.2])
    sums = np.array([differences @ signs for signs in product([-1, 1], repeat=5)])
    exact = (sums >= differences.sum() - 1e-9).mean()
    p = compare_pairs_of_sets(differences.tolist(), resamples=40_000)
    assert p == pytest.approx(exact, abs=0.01)


def test_both_tests_hold_their_level() -> None:
    rng = np.random.default_rng(1)
    hits = [0, 0]
    for _ in range(400):
        works, held_out = rng.standard_cauchy(8), rng.standard_cauchy(30)  # no moments at all
        hits[0] += compare_sets(works, held_out, resamples=199) <= 0.05
        hits[1] += compare_pairs_of_sets(works - held_out[:8], resamples=199) <= 0.05
    assert max(hits) <= 33  # 99.9 % point of 400 trials at 5 %
    assert min(hits) >= 5


def test_equal_values_have_p_1_and_higher_ones_the_smallest() -> None:
    assert compare_sets([1.0] * 5, [1.0] * 20) == 1
    assert compare_sets([2.0] * 10, [1.0] * 50, resamples=999) == 1 / 1000
    assert compare_pairs_of_sets([0.0] * 6) == 1


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="a value in each"):
        compare_sets([], [1.0])
    with pytest.raises(ValueError, match="needs a pair"):
        compare_pairs_of_sets([])
