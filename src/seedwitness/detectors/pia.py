"""PIA and PIAN (Kong et al., ICLR 2024, arXiv 2305.18355): the noise that is predicted without any.

The authors' script for Stable Diffusion draws noise at random instead; this is the paper's formula.
"""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe

LEVEL = 0.2
"""The timestep as a share of those of the training."""

ORDER = 4
"""The norm, of order 4 as the authors take it."""


def pia(probe: Probe, noise: Tensor) -> Tensor:
    """Compute minus the mean fourth power of ε₀ − ε(q(z, t, ε₀), t), to 1/4 (PIA): [1].

    ε₀ is the noise that is predicted in the latents as they are. Higher is more memorised, ≤ 0; two
    NFE. ``noise`` is not used. Raises ValueError if the probe has no target.
    """
    return _compare(probe, is_normalised=False)


def pian(probe: Probe, noise: Tensor) -> Tensor:
    """Compute PIA with ε₀ scaled to the mean size of normal noise, √(2/π) (PIAN): [1].

    Higher is more memorised, ≤ 0; two NFE. Raises ValueError if the probe has no target.
    """
    return _compare(probe, is_normalised=True)


@torch.no_grad()
def _compare(probe: Probe, *, is_normalised: bool) -> Tensor:
    clean = probe.encode_target()
    first = probe.predict_conditional(clean.to(probe.pipeline.unet.dtype), probe.find_timestep(0))
    if is_normalised:
        first = first * sqrt(2 / pi) / first.abs().mean()
    t = probe.find_timestep(LEVEL)
    second = probe.predict_conditional(probe.mix_noise(clean, first, t), t)
    powers = (first - second).float().abs().pow(ORDER).flatten(1).mean(1)
    return -powers.pow(1 / ORDER).cpu()
