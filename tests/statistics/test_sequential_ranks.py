"""Early stopping of controls: p stays valid, no decision changes, and the gain stays exact."""

import numpy as np
import pytest

from seedwitness.statistics.ranks import rank_among_controls
from seedwitness.statistics.residual_ranks import fit_residuals
from seedwitness.statistics.sequential_ranks import expect_controls, rank_in_sequence

SETTINGS = [(99, 0.01), (199, 0.01), (299, 0.01), (150, 0.01), (198, 0.01), (19, 0.1)]


@pytest.mark.parametrize(("most", "alpha"), SETTINGS)
def test_p_is_valid_at_every_level_and_decides_as_all_controls_do(most: int, alpha: float) -> None:
    rng = np.random.default_rng(1)
    runs, values, drawn = 6000, [], []
    for _ in range(runs):
        target, *controls = rng.normal(size=most + 1)
        found = rank_in_sequence(target, controls, most, alpha)
        fixed = rank_among_controls(target, controls, alpha).p
        assert found.is_decided
        assert (found.p <= alpha) == (fixed <= alpha)
        assert found.is_stopped <= (fixed > alpha)
        values.append(found.p)
        drawn.append(found.drawn)
    for level in (alpha, 2 * alpha, 0.1, 0.5):
        share, spread = np.mean(np.array(values) <= level), np.sqrt(level * (1 - level) / runs)
        assert share <= level + 3.5 * spread
    spread = np.std(drawn) / np.sqrt(runs)
    assert abs(np.mean(drawn) - expect_controls(most, alpha)) < 4 * spread


def test_a_target_like_the_controls_needs_few_of_them() -> None:
    """299 controls that stop early cost a sixth of 100 that do not."""
    assert expect_controls(99, 0.01) == pytest.approx(5.2, abs=0.05)
    assert expect_controls(199, 0.01) == pytest.approx(10.7, abs=0.1)
    assert expect_controls(299, 0.01) < 100 / 6


def test_a_stop_reads_no_later_control_and_a_close_target_needs_all() -> None:
    controls = [3.0, 1.0, 2.0, 0.5] + [9.0] * 95
    stopped = rank_in_sequence(2.5, controls, 99, 0.01)
    assert (stopped.drawn, stopped.at_least_as_close, stopped.p) == (2, 1, 0.5)
    assert rank_in_sequence(2.5, controls[:2], 99, 0.01) == stopped
    assert not rank_in_sequence(2.5, controls[:1], 99, 0.01).is_decided
    closest = rank_in_sequence(0.1, controls, 99, 0.01)
    assert (closest.drawn, closest.p, closest.is_stopped) == (99, 0.01, False)
    with pytest.raises(ValueError, match="100 controls are more than the 99"):
        rank_in_sequence(0.1, [*controls, 1.0], 99, 0.01)
    with pytest.raises(ValueError, match="98 controls are too few"):
        rank_in_sequence(0.1, [], 98, 0.01)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("easy_share", [0.0, 0.1])
def test_rank_and_gain_together_stay_below_alpha(correlation: float, easy_share: float) -> None:
    """The whole rule with early stopping, on targets that the checkpoint has no gain for.

    The line of the gain needs all controls, so the gain is ranked only where none was spared: where
    the rank did not stop. A stop can then only turn a yes into a no. Some images are easy: they
    come closer on both checkpoints.
    """
    rng, most, alpha, runs = np.random.default_rng(2), 39, 0.05, 4000
    cover = [[1.0, correlation], [correlation, 1.0]]
    supported = ranked = gained = same = 0
    for _ in range(runs):
        values = rng.multivariate_normal([0, 0], cover, most + 1)
        values[rng.random(most + 1) < easy_share] -= 3
        y, x = values[:, 0], values[:, 1]
        rank = rank_in_sequence(y[0], y[1:].tolist(), most, alpha)
        residuals = fit_residuals(y[0], x[0], y[1:].tolist(), x[1:].tolist())
        gain = rank_among_controls(residuals.target, residuals.controls.tolist(), alpha).p
        whole = rank_among_controls(y[0], y[1:].tolist(), alpha).p
        ranked += rank.p <= alpha
        gained += gain <= alpha
        supported += not rank.is_stopped and rank.p <= alpha and gain <= alpha
        same += whole <= alpha and gain <= alpha
    spread = 3.5 * np.sqrt(alpha * (1 - alpha) / runs)
    assert abs(ranked / runs - alpha) < spread
    assert abs(gained / runs - alpha) < spread
    assert supported == same
    assert supported / runs <= alpha + spread


def test_a_line_of_the_controls_drawn_so_far_would_change_earlier_ranks() -> None:
    """Why the gain is not ranked one control at a time: its residuals move with each control.

    Among 8 controls the count of those that gain as much falls when the ninth is drawn, which the
    rule of Besag and Clifford excludes.
    """
    rng, fell = np.random.default_rng(3), 0
    for _ in range(200):
        y, x = rng.normal(size=10), rng.normal(size=10)
        counts = []
        for n in (8, 9):
            found = fit_residuals(y[0], x[0], y[1 : n + 1].tolist(), x[1 : n + 1].tolist())
            counts.append(int((found.controls <= found.target).sum()))
        fell += counts[1] < counts[0]
    assert fell > 0
