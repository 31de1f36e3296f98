"""Anisotropy of the log-density: norm and alignment (Asthana & Belagiannis, ICLR 2026, 2601.20642).

On pure noise, told that hardly any noise is left, the guidance of a memorised prompt points where
the checkpoint points without it. Norm and cosine are added with the paper's weights for Stable
Diffusion 1; other checkpoints would want others, so read it by its rank among controls.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from seedwitness.detectors.probe import Probe, squared_norm

NORM, COSINE = 1.0, 2.0
QUIET = -3  # of the sampler's timesteps, the one where little noise is left


def alignment(probe: Probe, noise: Tensor) -> Tensor:
    """‖s^Δ‖₂ near t = T plus twice the cosine of s^Δ and ε_u near t = 0, both on noise: [n].

    The cosine is that of a pixel's channels, averaged over pixels (Asthana & Belagiannis, ICLR
    2026, as published with the paper). Higher is more memorised; four NFE. ``noise`` is
    [n, c, h, w].
    """
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype)
    with torch.no_grad():
        conditional, unconditional = probe.both(x, probe.timesteps[0])
        norm = squared_norm(conditional - unconditional).sqrt()
        conditional, unconditional = probe.both(x, probe.timesteps[QUIET])
        cosine = cosine_similarity(unconditional, conditional - unconditional, dim=1)
    return NORM * norm + COSINE * cosine.float().mean((1, 2)).cpu()
