"""The rank of a gain over a reference: exact size, power, and no pull of one far target."""

import numpy as np
import pytest

from seedwitness.statistics.ranks import bound_error_rate, rank_among_controls
from seedwitness.statistics.residual_ranks import fit_residuals


def p_of_gain(y: np.ndarray, x: np.ndarray) -> float:
    """p of the first value among the others."""
    residuals = fit_residuals(y[0], x[0], y[1:].tolist(), x[1:].tolist())
    return rank_among_controls(residuals.target, residuals.controls.tolist(), 0.05).p


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_under_the_null_hypothesis_p_is_uniform(correlation: float) -> None:
    rng = np.random.default_rng(1)
    cover = np.array([[1.0, correlation], [correlation, 1.0]])
    draws = rng.multivariate_normal([0, 0], cover, (4000, 20))
    values = np.array([p_of_gain(draw[:, 0], draw[:, 1]) for draw in draws])
    for alpha in (0.05, 0.1, 0.5):
        assert abs((values <= alpha).mean() - alpha) < 3.5 * np.sqrt(alpha * (1 - alpha) / 4000)


def test_a_reference_that_is_alike_makes_a_gain_visible() -> None:
    """An effect of 1.5 standard deviations is seen more often than by the plain rank."""
    rng = np.random.default_rng(2)
    draws = rng.multivariate_normal([0, 0], [[1.0, 0.8], [0.8, 1.0]], (600, 100))
    draws[:, 0, 0] -= 1.5  # lower distances are closer
    gains = [p_of_gain(draw[:, 0], draw[:, 1]) <= 0.05 for draw in draws]
    plain = [
        rank_among_controls(draw[0, 0], draw[1:, 0].tolist(), 0.05).p <= 0.05 for draw in draws
    ]
    assert np.mean(gains) > np.mean(plain) + 0.2


def test_a_far_target_does_not_pull_the_line_to_itself() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, 100)
    y = 0.8 * x + rng.normal(0, 0.1, 100)
    x[0], y[0] = -60.0, -90.0  # far from the controls on both, and farther here
    residuals = fit_residuals(y[0], x[0], y[1:].tolist(), x[1:].tolist())
    assert residuals.slope == pytest.approx(0.8, abs=0.05)
    assert residuals.target < residuals.controls.min() - 30


def test_the_order_of_controls_and_a_shift_of_all_change_no_rank() -> None:
    rng = np.random.default_rng(4)
    y, x = rng.normal(0, 1, 30), rng.normal(0, 1, 30)
    order = [0, *(1 + rng.permutation(29))]
    assert p_of_gain(y, x) == p_of_gain(y[order], x[order]) == p_of_gain(y + 7, x - 3)


def test_equal_distances_on_the_reference_leave_the_plain_rank() -> None:
    y = np.arange(10.0)
    residuals = fit_residuals(y[0], 0.5, y[1:].tolist(), [0.5] * 9)
    assert residuals.slope == 0
    assert p_of_gain(y, np.full(10, 0.5)) == 0.1
    with pytest.raises(ValueError, match="9 controls have 8 distances"):
        fit_residuals(y[0], 0.5, y[1:].tolist(), [0.5] * 8)


@pytest.mark.parametrize(
    ("controls", "bound"), [(99, 0.0298), (199, 0.0236), (499, 0.0182), (999, 0.0157)]
)
def test_the_bound_for_one_set_of_controls_is_the_quantile_of_beta(
    controls: int, bound: float
) -> None:
    """With 299 controls, none of them closer, the rate is certified to be at most 1 %."""
    assert bound_error_rate(controls, 0.01) == pytest.approx(bound, abs=1e-4)
    assert bound_error_rate(299, 1 / 300) <= 0.01 < bound_error_rate(298, 1 / 299)
    assert bound_error_rate(98, 0.01) == 0
