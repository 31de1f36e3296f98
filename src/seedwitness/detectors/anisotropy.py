"""Anisotropy of the log-density: norm and alignment (Asthana & Belagiannis, ICLR 2026, 2601.20642).

On pure noise at a timestep of little noise, the guidance of a memorised prompt points in the
direction of the unconditional prediction. Norm and cosine are added with the paper's weights for
Stable Diffusion 1; other checkpoints would need other weights, so interpret the value by its rank
among controls.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from seedwitness.detectors.probe import Probe, compute_squared_norms

NORM_WEIGHT, COSINE_WEIGHT = 1.0, 2.0
LOW_NOISE_STEP = -3  # index of the sampler's timestep at which little noise is left


def alignment(probe: Probe, noise: Tensor) -> Tensor:
    """Compute ‖s^Δ‖₂ near t = T plus twice the cosine of s^Δ and ε_u near t = 0, on noise: [n].

    The cosine is taken over a pixel's channels and averaged over pixels (Asthana & Belagiannis,
    ICLR 2026, as in the published code). Higher is more memorised; four NFE. ``noise`` is
    [n, c, h, w].
    """
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype)
    with torch.no_grad():
        conditional, unconditional = probe.predict_both(x, probe.timesteps[0])
        norm = compute_squared_norms(conditional - unconditional).sqrt()
        conditional, unconditional = probe.predict_both(x, probe.timesteps[LOW_NOISE_STEP])
        cosine = cosine_similarity(unconditional, conditional - unconditional, dim=1)
    return NORM_WEIGHT * norm + COSINE_WEIGHT * cosine.float().mean((1, 2)).cpu()
