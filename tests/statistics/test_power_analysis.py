"""Sizes against the inequalities that they solve."""

from fractions import Fraction

import pytest

from seedwitness.statistics.power_analysis import count_controls_needed, count_seeds_needed
from seedwitness.statistics.ranks import rank_among_controls
from seedwitness.statistics.rates import estimate_rate


@pytest.mark.parametrize("alpha", [0.5, 0.05, 0.01, 0.003, 0.001])
@pytest.mark.parametrize("cases", [1, 2, 7, 16])
def test_with_so_many_controls_p_reaches_alpha_and_with_one_fewer_not(
    alpha: float, cases: int
) -> None:
    needed, wanted = count_controls_needed(alpha, cases), Fraction(str(alpha)) / cases
    assert Fraction(1, needed + 1) <= wanted < Fraction(1, needed)


def test_the_rank_agrees() -> None:
    best = rank_among_controls(-1.0, [0.0] * count_controls_needed(0.01), 0.01)
    assert best.p == pytest.approx(0.01)


@pytest.mark.parametrize("cases", [1, 3, 7, 11])
def test_each_cases_share_of_alpha_is_one_that_its_controls_resolve(cases: int) -> None:
    needed = count_controls_needed(0.01, cases)
    judged = max(0.01 / cases, 1 / (needed + 1))
    assert rank_among_controls(-1.0, [0.0] * needed, judged).resolution <= judged
    assert judged == pytest.approx(0.01 / cases, rel=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.0006])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95, 0.99])
def test_with_so_many_seeds_a_copy_is_seen_and_with_one_fewer_too_seldom(
    share: float, power: float
) -> None:
    needed = count_seeds_needed(share, power)
    assert 1 - (1 - share) ** needed >= power - 1e-12
    assert needed == 1 or 1 - (1 - share) ** (needed - 1) < power


def test_so_many_seeds_leave_no_higher_rate_possible() -> None:
    for count in (1, 16, 500):
        assert count_seeds_needed(estimate_rate(0, count).high, 0.975) == count


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 2.0])
def test_shares_are_shares(alpha: float) -> None:
    for call in (
        lambda: count_controls_needed(alpha),
        lambda: count_seeds_needed(alpha, 0.5),
        lambda: count_seeds_needed(0.5, alpha),
    ):
        with pytest.raises(ValueError, match=r"in \(0, 1\)"):
            call()
    with pytest.raises(ValueError, match="fewer than one"):
        count_controls_needed(0.01, 0)
