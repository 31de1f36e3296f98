import random

import pytest
from scipy.stats import nbinom

from seedwitness.statistics.rates import estimate_rate, find_threshold


def test_interval_of_no_hits_is_the_rule_of_three() -> None:
    found = estimate_rate(0, 500)
    assert found.low == 0
    assert found.high == pytest.approx(0.00735, abs=1e-5)  # 1 - 0.025 ** (1 / 500)


def test_interval_agrees_with_a_published_example() -> None:
    # Clopper and Pearson's own table, as Newcombe (1998) prints it: 81 of 263.
    found = estimate_rate(81, 263)
    assert (found.low, found.high) == (
        pytest.approx(0.2527, abs=5e-5),
        pytest.approx(0.3676, abs=5e-5),
    )


def test_no_trials_is_refused() -> None:
    with pytest.raises(ValueError, match="n"):
        estimate_rate(0, 0)


def test_a_rate_tells_its_interval_and_n() -> None:
    assert str(estimate_rate(23, 24)) == "95.8 % (23 of 24; 95 % interval 78.9 to 99.9 %)"


def test_the_point_is_met_by_no_more_than_alpha_of_new_controls() -> None:
    rng = random.Random(1)
    hits = 0
    for _ in range(4000):
        controls = [rng.random() for _ in range(199)]
        hits += rng.random() <= find_threshold(controls, 0.01)
    found = estimate_rate(hits, 4000)
    assert found.low <= 0.01 <= found.high


def test_too_few_controls_are_refused() -> None:
    with pytest.raises(ValueError, match="98 controls are too few"):
        find_threshold([0.5] * 98, 0.01)
    assert find_threshold([0.5] * 99, 0.01) == 0.5


@pytest.mark.parametrize(("truth", "hits"), [(0.05, 1), (0.3, 1), (0.3, 4), (0.8, 2)])
def test_counted_up_to_a_hit_the_interval_still_covers(truth: float, hits: int) -> None:
    # every possible end, by its negative binomial probability
    trials = range(hits, 600)
    chances = [nbinom.pmf(n - hits, hits, truth) for n in trials]
    found = [estimate_rate(hits, n, up_to_hit=True) for n in trials]
    below = sum(p for p, each in zip(chances, found, strict=True) if each.high < truth)
    above = sum(p for p, each in zip(chances, found, strict=True) if each.low > truth)
    assert below <= 0.025 + 1e-9
    assert above <= 0.025 + 1e-9
    plain = [estimate_rate(hits, n) for n in trials[1:]]
    assert all(a.high < b.high for a, b in zip(found[1:], plain, strict=True))


def test_counted_up_to_a_hit_there_is_one() -> None:
    assert estimate_rate(1, 1, up_to_hit=True).high == 1.0
    with pytest.raises(ValueError, match="at least one hit"):
        estimate_rate(0, 5, up_to_hit=True)
