"""SimA (2025, arXiv 2509.25003): the size of the noise that is predicted in the clean image.

Known failure: its authors found checkpoints that denoise latents hardly vulnerable.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms

LEVEL = 0.1
"""The timestep that the denoiser is told, as a share of those of the training; chosen here."""


@torch.no_grad()
def sima(probe: Probe, noise: Tensor) -> Tensor:
    """Compute minus the mean square of ε(z, t) at the target's latents without noise (SimA): [1].

    Higher is more memorised, ≤ 0; one NFE. ``noise`` is not used. Raises ValueError without a
    target.
    """
    clean = probe.encode_target().to(probe.pipeline.unet.dtype)
    predicted = probe.predict_conditional(clean, probe.find_timestep(LEVEL))
    return -compute_squared_norms(predicted) / clean[0].numel()
