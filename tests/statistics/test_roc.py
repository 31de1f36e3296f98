"""AUC and TPR on values whose answers are known, and intervals that hold."""

import numpy as np
import pytest
from scipy.stats import norm

from seedwitness.statistics.roc import auc, estimate_auc, estimate_by_bootstrap, tpr_at


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    assert auc([2.0, 3.0], [0.0, 1.0]) == 1
    assert auc([0.0, 1.0], [2.0, 3.0]) == 0
    assert auc([1.0], [1.0, 1.0]) == 0.5
    assert auc([1.0, 3.0], [2.0, 0.0, 3.0]) == pytest.approx((0 + 1 + 0 + 1 + 1 + 0.5) / 6)
    assert auc([-np.inf, 1.0], [-np.inf, 0.0]) == pytest.approx((0.5 + 0 + 1 + 1) / 4)


def test_the_threshold_lets_no_more_negatives_pass_than_it_may() -> None:
    negatives = list(range(100))  # 99 may be passed by one of a hundred: 98 is the threshold
    assert tpr_at([98.0, 98.5, 99.5, 200.0], negatives) == 0.75
    assert tpr_at([98.0, 98.5, 99.5, 200.0], negatives[:99]) == 0.75  # none may pass 98
    assert tpr_at([1.0, 2.0], [1.5], fpr=0.5) == 0.5
    with pytest.raises(ValueError, match="without negatives"):
        tpr_at([1.0], [])


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Normal values one deviation apart: the AUC is Φ(1 / √2)."""
    rng = np.random.default_rng(3)
    truth = norm.cdf(2**-0.5)
    held = 0
    for seed in range(100):
        found = estimate_by_bootstrap(
            auc, rng.normal(1, 1, 40), rng.normal(0, 1, 60), resamples=200, seed=seed
        )
        held += found.low <= truth <= found.high
        assert (found.positives, found.negatives) == (40, 60)
    assert (
        held >= 85
    )  # 95 expected, three standard errors and what the percentiles are known to lack


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [1.0, 3.0, 2.0], [0.0, 2.5, 1.0, 0.5]
    one, same, other = (
        estimate_by_bootstrap(auc, *values, resamples=50, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same
    assert one.value == other.value == auc(*values)


def test_both_bootstraps_of_an_auc_give_its_interval() -> None:
    rng = np.random.default_rng(3)
    positives, negatives = rng.normal(0.8, 1, 25).round(1), rng.normal(0, 1, 60).round(1)
    one = estimate_by_bootstrap(auc, positives, negatives, resamples=8000)
    other = estimate_auc(positives, negatives, resamples=8000)
    assert other.value == one.value
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.006)
    assert (other.positives, other.negatives) == (25, 60)
    apart = estimate_auc([2.0, 3.0], [0.0, 1.0])
    assert (apart.low, apart.value, apart.high) == (1, 1, 1)
