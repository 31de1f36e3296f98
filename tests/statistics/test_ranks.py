"""Rank among controls and paired comparison: known answers and error rates that are met."""

import numpy as np
import pytest

from seedwitness.statistics.ranks import (
    adjust_in_family,
    compare_pairs,
    holm_adjust,
    mean_interval,
    rank_among_controls,
)


def compared(values: list[float], reference: list[float], seed: int = 1):  # type: ignore[no-untyped-def]
    return compare_pairs(
        values,
        reference,
        ["an owl"] * len(values),
        resamples=2000,
        seed=seed,
        checkpoint="other",
        checkpoint_sha256="",
        metric="",
        blind_only=False,
    )


def test_the_closest_of_99_controls_has_p_of_one_in_a_hundred() -> None:
    controls = [k / 100 for k in range(1, 100)]
    found = rank_among_controls(0.001, controls, 0.01)
    assert (found.p, found.resolution, found.at_least_as_close) == (0.01, 0.01, 0)
    assert rank_among_controls(2.0, controls, 0.01).p == 1


def test_a_tie_counts_against_the_target() -> None:
    found = rank_among_controls(0.5, [0.5, 0.5, 0.5], 0.01)
    assert (found.at_least_as_close, found.p) == (3, 1)


def test_the_error_rate_is_the_one_that_is_stated() -> None:
    rng = np.random.default_rng(5)
    draws = rng.normal(size=(4000, 100))
    p = [rank_among_controls(row[0], row[1:].tolist(), 0.05).p for row in draws]
    share = np.mean(np.array(p) <= 0.05)
    assert 0.04 < share < 0.06  # four standard errors around 0.05
    assert min(p) == 0.01


def test_the_sign_says_which_checkpoint_came_closer() -> None:
    near, far = [0.1, 0.12, 0.11, 0.13, 0.1, 0.12, 0.09, 0.1], [0.5] * 8
    found = compared(near, far)
    assert found.difference == pytest.approx(0.39125)
    assert found.low < found.difference < found.high
    assert found.p == pytest.approx(1 / 2**8)  # all 2^8 sign patterns are tried
    assert compared(far, near).p == 1


def test_equal_checkpoints_differ_by_nothing() -> None:
    found = compared([0.3] * 6, [0.3] * 6)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("sizes", [(2,), (3,), (8,), (4, 4), (2, 6), (1, 1)])
def test_the_interval_of_the_mean_errs_as_often_as_it_says(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(11)
    above = 0
    for _ in range(4000):
        middle = mean_interval([rng.normal(size=size) for size in sizes])
        above += middle[0] > 0
    assert above / 4000 < 0.025 + 4 * (0.025 * 0.975 / 4000) ** 0.5


def test_prompts_are_fixed_and_their_difference_is_no_spread() -> None:
    gains = [np.array([0.94, 0.79, 0.94, 0.91]), np.array([-0.06, -0.02, -0.16, -0.06])]
    low, high = mean_interval(gains)
    assert 0.3 < low < 0.41 < high < 0.5
    low, _ = mean_interval([np.concatenate(gains)])
    assert low < 0


@pytest.mark.parametrize(("value", "size"), [(0.1, 3), (0.3, 10), (0.7, 6), (-0.1, 3), (0.0, 4)])
def test_what_differs_by_rounding_alone_has_no_spread(value: float, size: int) -> None:
    low, high = mean_interval([np.full(size, value), np.nextafter(np.full(size, value), 1)])
    assert low == high == pytest.approx(value)


def test_one_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="two pairs"):
        compared([0.1], [0.2])


def test_the_seed_alone_decides_the_resamples() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 40)).tolist()
    assert compared(a, b) == compared(a, b)
    assert compared(a, b) != compared(a, b, seed=2)


def test_holm_on_a_worked_example() -> None:
    """0.01 × 4, 0.02 × 3, 0.03 × 2 raised to the one before, 0.04 likewise."""
    assert holm_adjust([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm_adjust([0.5, 0.9]) == [1.0, 1.0]
    assert holm_adjust([0.2]) == [0.2]
    assert holm_adjust([]) == []


def test_holm_keeps_the_error_rate_of_the_whole_family() -> None:
    rng = np.random.default_rng(7)
    wrong = np.mean([min(holm_adjust(rng.uniform(size=5).tolist())) <= 0.05 for _ in range(4000)])
    assert 0.035 < wrong < 0.06


def test_a_rank_in_company_is_corrected_with_it() -> None:
    alone = rank_among_controls(-2.0, [-1.0] * 199, 0.01)
    assert adjust_in_family(alone, []) == alone
    among = adjust_in_family(alone, [0.5, 0.004])
    assert (among.p, among.family) == (1 / 200, 3)
    assert among.p_family == 0.012  # twice its own, raised to three times the smallest
