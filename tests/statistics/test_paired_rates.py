"""Paired rates: McNemar's test and an interval, against a table and by simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest

from seedwitness.statistics.paired_rates import compare_paired_rates


def outcomes(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    pairs = [(True, True)] * both + [(True, False)] * first + [(False, True)] * second
    pairs += [(False, False)] * neither
    return [one for one, _ in pairs], [other for _, other in pairs]


def test_p_is_mcnemars_exact_one() -> None:
    found = compare_paired_rates(*outcomes(5, 9, 1, 17))
    assert (found.n, found.first_only, found.second_only) == (32, 9, 1)
    assert found.difference == pytest.approx(8 / 32)
    assert found.p == pytest.approx(binomtest(1, 10, 0.5).pvalue)
    assert found.low < found.difference < found.high
    turned = compare_paired_rates(*outcomes(5, 1, 9, 17))
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert turned.p == found.p


def test_the_interval_is_agresti_and_mins() -> None:
    # By hand: n + 2 = 34, b = 9.5, c = 1.5; sqrt(11 - 64 / 34) / 34 = 0.08881.
    found = compare_paired_rates(*outcomes(5, 9, 1, 17))
    assert (found.low, found.high) == pytest.approx(
        (8 / 34 - 1.959964 * 0.088806, 8 / 34 + 1.959964 * 0.088806), abs=1e-4
    )


def test_equal_conditions_differ_by_nothing() -> None:
    found = compare_paired_rates([True, False], [True, False])
    assert (found.difference, found.p) == (0.0, 1.0)
    assert found.low < 0 < found.high


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(500):
        uniform = rng.random(32)
        first, second = uniform < 0.4, (uniform < 0.1) | (uniform > 0.9)
        found = compare_paired_rates(first.tolist(), second.tolist())
        covered += found.low <= 0.2 <= found.high
    assert covered / 500 > 0.93


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="needs trials"):
        compare_paired_rates([], [])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        compare_paired_rates([True], [True, False])
