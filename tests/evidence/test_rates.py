import random

import pytest

from seedwitness.evidence.rates import lowest_point, rate


def test_interval_of_no_hits_is_the_rule_of_three() -> None:
    found = rate(0, 500)
    assert found.low == 0
    assert found.high == pytest.approx(0.00735, abs=1e-5)  # 1 - 0.025 ** (1 / 500)


def test_interval_agrees_with_a_published_example() -> None:
    # Clopper and Pearson's own table, as Newcombe (1998) prints it: 81 of 263.
    found = rate(81, 263)
    assert (found.low, found.high) == (
        pytest.approx(0.2527, abs=5e-5),
        pytest.approx(0.3676, abs=5e-5),
    )


def test_no_trials_is_refused() -> None:
    with pytest.raises(ValueError, match="n"):
        rate(0, 0)


def test_a_rate_tells_its_interval_and_n() -> None:
    assert str(rate(23, 24)) == "95.8 % (23 of 24; 95 % interval 78.9 to 99.9 %)"


def test_the_point_is_met_by_no_more_than_alpha_of_new_controls() -> None:
    rng = random.Random(1)
    hits = 0
    for _ in range(4000):
        controls = [rng.random() for _ in range(199)]
        hits += rng.random() <= lowest_point(controls, 0.01)
    found = rate(hits, 4000)
    assert found.low <= 0.01 <= found.high


def test_too_few_controls_are_refused() -> None:
    with pytest.raises(ValueError, match="98 controls are too few"):
        lowest_point([0.5] * 98, 0.01)
    assert lowest_point([0.5] * 99, 0.01) == 0.5
