"""The trace of a seed's noise in a picture, expected without a denoiser (decision 26).

A picture's latents are, in part, what a sampler made of noise. If the denoiser is taken to be the
best linear one for pictures with the power spectrum P(f) of this very picture, the share of a draw
of noise that is left at the end is known for every frequency: at noise level σ such a denoiser
keeps P/(P + σ²) of a frequency. The weights of a draw are then ``gain · latents / P``, the best
linear ones. They depend on the picture alone, so that a score is standard normal for the noise of
any unrelated seed.

Nothing is learned, and no model but the autoencoder that encoded the picture is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.fft import dctn, idctn

Array = np.ndarray[Any, Any]

ROUNDING = 1e-12
"""Power of plain latents that is left by rounding, as a share of their mean square."""

BAND_SHARE = 0.75
"""Frequency bands of the spectrum, as a share of the elements along the shorter side."""

LEAST_POWER = 1e-3
"""Least power of a band, as a share of the mean of all: a plain area has none at all."""


def compute_trace_weights(latents: Array, noise_levels: Sequence[float], *, fresh: bool) -> Array:
    """Compute the weights of a seed's draws of noise in latents [c, h, w]: [draws, c, h, w].

    ``noise_levels`` are the sampler's σ from the first to the last, 0, in units of the latents.
    Draw 0 is the initial noise. With ``fresh`` noise the others are those that an ancestral sampler
    (Euler a) adds after each step; otherwise the sampler is deterministic, and draw 0 is the only
    one. Each channel's mean is taken away. The weights of plain latents are 0.
    """
    spectrum = dctn(latents - latents.mean((1, 2), keepdims=True), axes=(1, 2), norm="ortho")
    power = _smooth_spectrum(np.asarray(spectrum, np.float64) ** 2)
    if power.mean() <= ROUNDING * np.square(latents, dtype=np.float64).mean():
        return np.zeros((len(noise_levels) if fresh else 1, *latents.shape))
    gains = compute_gains(power, noise_levels, fresh=fresh)
    weights: Array = idctn(gains * spectrum / power, axes=(2, 3), norm="ortho")
    return weights


def compute_gains(power: Array, noise_levels: Sequence[float], *, fresh: bool) -> Array:
    """Compute what is left of each draw at the end of sampling, by power P of a frequency.

    A step from σ to σ' by Euler's method turns x to x · (P + σ σ')/(P + σ²) with the best linear
    denoiser; an ancestral one goes down to √(σ'² − σ_up²) and adds σ_up of fresh noise (Karras et
    al., NeurIPS 2022; k-diffusion). Returns [draws, *power.shape].
    """
    kept = np.ones_like(power)
    gains = []
    for level, following in reversed(list(pairwise(noise_levels))):
        added = 0.0
        if fresh:
            added = min(following, following * (1 - (following / level) ** 2) ** 0.5)
            gains.append(added * kept)
        down = (following**2 - added**2) ** 0.5
        kept = kept * (power + level * down) / (power + level**2)
    gains.append(noise_levels[0] * kept)
    return np.stack(gains[::-1])


def _smooth_spectrum(power: Array) -> Array:
    """Replace the power [c, h, w] of each frequency by the mean of its channel and band."""
    height, width = power.shape[1:]
    y, x = np.mgrid[0:height, 0:width]
    count = max(2, round(BAND_SHARE * min(height, width)))
    bands = np.minimum((np.hypot(y / height, x / width) * count).astype(int), count - 1)
    sizes = np.bincount(bands.ravel(), minlength=count)
    means = np.stack(
        [np.bincount(bands.ravel(), row.ravel(), count) / np.maximum(sizes, 1) for row in power]
    )
    smoothed: Array = np.maximum(means[:, bands], LEAST_POWER * power.mean())
    return smoothed
