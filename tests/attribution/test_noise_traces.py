"""The expected trace of noise: the linear model's own pictures, and wrong seeds."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.fft import dctn, idctn

from seedwitness.attribution.noise_traces import compute_gains, compute_trace_weights
from seedwitness.engine.schedulers import STABLE_DIFFUSION, compute_noise_levels

SHAPE = (4, 16, 16)
LEVELS = compute_noise_levels(STABLE_DIFFUSION, 20)


def make_power() -> np.ndarray:
    y, x = np.mgrid[0:16, 0:16]
    return np.broadcast_to(8 / (1 + np.hypot(x, y)) ** 2, SHAPE)


def sample_linear(noise: np.ndarray, power: np.ndarray, *, fresh: bool) -> np.ndarray:
    """Sample with the best linear denoiser for pictures of this spectrum, step by step."""
    draws = iter(dctn(noise, axes=(2, 3), norm="ortho"))
    x = LEVELS[0] * next(draws)
    for level, following in pairwise(LEVELS):
        added = following * (1 - (following / level) ** 2) ** 0.5 if fresh else 0.0
        down = (following**2 - added**2) ** 0.5
        clean = power / (power + level**2) * x
        x = clean + down * (x - clean) / level
        if fresh:
            x = x + added * next(draws)
    latents: np.ndarray = idctn(x, axes=(1, 2), norm="ortho")
    return latents


@pytest.mark.parametrize("fresh", [False, True])
def test_the_gains_are_those_of_sampling_step_by_step(fresh: bool) -> None:
    power = make_power()
    gains = compute_gains(power, LEVELS, fresh=fresh)
    assert len(gains) == (21 if fresh else 1)
    noise = np.random.default_rng(1).standard_normal((len(gains), *SHAPE))
    spectrum = dctn(noise, axes=(2, 3), norm="ortho")
    expected = idctn((gains * spectrum).sum(0), axes=(1, 2), norm="ortho")
    assert np.allclose(sample_linear(noise, power, fresh=fresh), expected)


def test_without_fresh_noise_nearly_all_power_is_kept() -> None:
    """The ODE turns white noise into pictures of the spectrum."""
    power = make_power()
    [gain] = compute_gains(power, compute_noise_levels(STABLE_DIFFUSION, 500), fresh=False)
    assert np.allclose(gain**2 / power, 1, atol=0.15)


@pytest.mark.parametrize(("fresh", "least"), [(False, 25.0), (True, 20.0)])
def test_the_true_noise_scores_high_and_all_other_noise_by_chance(
    fresh: bool, least: float
) -> None:
    noise = np.random.default_rng(2).standard_normal((21 if fresh else 1, *SHAPE))
    latents = sample_linear(noise, make_power(), fresh=fresh) + 3.0  # a channel's mean is no trace
    weights = compute_trace_weights(latents, LEVELS, fresh=fresh)
    assert weights.shape == noise.shape
    weights /= np.linalg.norm(weights)
    assert (weights * noise).sum() > least
    others = np.random.default_rng(3).standard_normal((2000, *noise.shape))
    assert stats.kstest((others * weights).sum((1, 2, 3, 4)), "norm").pvalue > 1e-3


def test_a_plain_image_has_no_weights() -> None:
    assert not compute_trace_weights(np.full(SHAPE, 0.3), LEVELS, fresh=True).any()


def test_the_weights_depend_on_the_image_alone() -> None:
    latents = np.random.default_rng(4).standard_normal(SHAPE)
    one, other = (compute_trace_weights(latents, LEVELS, fresh=True) for _ in range(2))
    assert np.array_equal(one, other)
    doubled = compute_trace_weights(2 * latents, LEVELS, fresh=False)
    plain = compute_trace_weights(latents, LEVELS, fresh=False)
    assert not np.allclose(doubled, 2 * plain)  # the noise levels are in the latents' own units
