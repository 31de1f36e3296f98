"""Paired differences against other calculations of the same figures."""

from itertools import product
from math import comb

import numpy as np
import pytest
from scipy.stats import quantile_test, ttest_1samp

from seedwitness.statistics.paired_differences import (
    median_interval,
    sign_test,
    summarise_differences,
)


@pytest.mark.parametrize(("positive", "n"), [(0, 1), (0, 6), (3, 8), (7, 8), (25, 50)])
def test_the_sign_test_counts_all_signs(positive: int, n: int) -> None:
    far = abs(2 * positive - n)
    signs = sum(comb(n, k) for k in range(n + 1) if abs(2 * k - n) >= far)
    assert sign_test(positive, n) == pytest.approx(signs / 2**n)


def test_without_a_difference_the_sign_test_says_nothing() -> None:
    assert sign_test(0, 0) == 1


def test_the_median_needs_six_values_for_an_interval() -> None:
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert median_interval([6.0, 2.0, 3.0, 1.0, 5.0, 4.0]) == (1.0, 6.0)


@pytest.mark.parametrize("n", [6, 8, 9, 20, 50])
def test_the_interval_of_the_median_is_that_of_the_quantile_test(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    expected = quantile_test(values, p=0.5).confidence_interval(0.95)
    assert median_interval(values.tolist()) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_the_median_covers_it_in_95_percent_of_all_orders() -> None:
    """Of the 2^n ways to lie above or below the median, at most 5 % miss it."""
    n = 9
    limits = median_interval(list(map(float, range(n))))
    assert limits is not None
    k = int(limits[0]) + 1
    missed = sum(not k <= sum(way) <= n - k for way in product((0, 1), repeat=n))
    assert missed / 2**n <= 0.05


def test_without_strata_the_mean_has_the_interval_of_a_t_test() -> None:
    values = np.random.default_rng(3).normal(0.2, size=12).tolist()
    summary = summarise_differences(values, ["a prompt"] * 12)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (summary.low, summary.high) == pytest.approx((expected.low, expected.high))
    assert (summary.n, summary.mean) == (12, pytest.approx(np.mean(values)))
    assert summary.median == pytest.approx(np.median(values))


def test_a_difference_between_prompts_does_not_widen_the_interval() -> None:
    noise = np.random.default_rng(4).normal(size=20) / 10
    values = (noise + np.repeat([0.0, 5.0], 10)).tolist()
    strata = ["a"] * 10 + ["b"] * 10
    narrow, wide = (summarise_differences(values, each) for each in (strata, ["a"] * 20))
    assert narrow.high - narrow.low < 0.2 < wide.high - wide.low
    assert narrow.mean == wide.mean


def test_ties_are_counted_and_do_not_count() -> None:
    summary = summarise_differences([0.0, 0.0, 1.0, -1.0, 2.0, 3.0, 4.0], ["a"] * 7)
    assert (summary.positive, summary.ties) == (4, 2)
    assert summary.p == sign_test(4, 5)


def test_one_difference_is_refused() -> None:
    with pytest.raises(ValueError, match="two"):
        summarise_differences([1.0], ["a"])
