"""The denoising loss at the target's latents, which attacks on membership begin with.

Known failure: an image that is easy to denoise has a low loss on every checkpoint, seen or not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms

LEVELS = (0.1, 0.3, 0.5, 0.7)
"""Timesteps as shares of those of the training."""


@torch.no_grad()
def loss(probe: Probe, noise: Tensor) -> Tensor:
    """Compute minus the mean squared error of the predicted noise, over four timesteps: [n].

    The loss of Ho et al. (NeurIPS 2020) under the prompt. Higher is more memorised, ≤ 0; four NFE a
    noise. ``noise`` is [n, c, h, w]. Raises ValueError if the probe has no target.
    """
    clean, noise = probe.encode_target(), noise.to(probe.pipeline.device)
    errors = torch.zeros(len(noise))
    for level in LEVELS:
        t = probe.find_timestep(level)
        predicted = probe.predict_conditional(probe.mix_noise(clean, noise, t), t)
        errors += compute_squared_norms(predicted - noise) / clean[0].numel()
    return -errors / len(LEVELS)
