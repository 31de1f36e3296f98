"""Likelihood ratios: against what theory says of scores whose ratios are known."""

import numpy as np
import pytest

from seedwitness.statistics.likelihood_ratio import (
    Calibration,
    calibrate,
    cllr,
    find_verbal_strength,
    leave_one_out_ratios,
)


def normal(count: int, mean: float, seed: int) -> list[float]:
    """Scores whose true log ratio, of means 1 and −1, is twice the score."""
    return np.random.default_rng(seed).normal(mean, 1, count).tolist()


def test_the_logistic_calibration_of_two_normals_is_their_true_ratio() -> None:
    found = calibrate(normal(20_000, 1, 1), normal(5_000, -1, 2))
    assert found.slope == pytest.approx(2, rel=0.05)
    assert found.intercept == pytest.approx(0, abs=0.05)


def test_the_odds_do_not_depend_on_how_many_of_each_kind_there_are() -> None:
    few, many = normal(300, 1, 1), normal(300, -1, 2)
    once, often = calibrate(few, many), calibrate(few, many * 7)
    assert often.slope == pytest.approx(once.slope, rel=1e-3)
    assert often.intercept == pytest.approx(once.intercept, abs=1e-3)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_the_unit_of_the_scores_makes_no_difference(scale: float) -> None:
    positives, negatives = normal(50, 1, 1), normal(60, -1, 2)
    plain = calibrate(positives, negatives).ratio(0.3)
    scaled = calibrate([scale * s for s in positives], [scale * s for s in negatives])
    assert scaled.ratio(scale * 0.3) == pytest.approx(plain, rel=1e-3)


def test_no_ratio_says_more_than_so_many_pictures_can_show() -> None:
    found = calibrate([10.0, 11.0, 12.0], [0.0, 1.0, 2.0, 3.0])
    assert found.ratio(1e6) == 5
    assert found.ratio(-1e6) == 1 / 4
    assert 1 / 4 <= found.ratio(6.5) <= 5
    lower = calibrate([0.0, 0.1], [1.0, 1.1])
    assert lower.ratio(0.0) > 1 > lower.ratio(1.1)


def test_scores_that_are_all_equal_say_nothing() -> None:
    found = calibrate([0.5] * 4, [0.5] * 9)
    assert found.ratio(0.5) == pytest.approx(1, abs=1e-3)


def test_too_few_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        calibrate([1.0], [0.0, 0.1])


def test_the_cost_of_ratios() -> None:
    assert cllr([1.0], [1.0]) == 1
    assert cllr([1e9], [1e-9]) == pytest.approx(0, abs=1e-6)
    assert cllr([1 / 100], [100.0]) > 6
    assert cllr([3.0], [1 / 3]) == pytest.approx(np.log2(4 / 3))


def test_each_ratio_is_by_a_calibration_that_did_not_know_the_score() -> None:
    positives, negatives = normal(12, 1, 3), normal(15, -1, 4)
    ours, theirs = leave_one_out_ratios(positives, negatives)
    assert (len(ours), len(theirs)) == (12, 15)
    assert ours[3] == calibrate(positives[:3] + positives[4:], negatives).ratio(positives[3])
    assert cllr(ours, theirs) < 1


@pytest.mark.parametrize(
    ("ratio", "strength"),
    [
        (1.9, None),
        (2.0, "weak"),
        (0.5, "weak"),
        (10.0, "moderate"),
        (1 / 150, "moderately strong"),
        (1_000.0, "strong"),
        (20_000.0, "very strong"),
        (2e6, "extremely strong"),
    ],
)
def test_a_ratio_in_words(ratio: float, strength: str | None) -> None:
    assert find_verbal_strength(ratio) == strength


def test_a_ratio_far_out_is_a_number() -> None:
    assert Calibration(1e6, 0.0, 0.01, 100.0).ratio(1e6) == 100
