"""SecMI (Duan et al., ICML 2023, arXiv 2302.01316): the error of one step up and one down.

The published script for Stable Diffusion adds noise at random instead of inverting; this is the
paper's formula. Sums are means here, so that the value does not grow with the resolution.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms

DEPTH, STRIDE = 0.1, 0.01
"""How far the latents are inverted, and by which steps, as shares of the training's timesteps."""


@torch.no_grad()
def secmi(probe: Probe, noise: Tensor) -> Tensor:
    """Compute minus ‖z_t − z′_t‖² / elements, t = 100 of 1,000 (SecMI_stat, ICML 2023): [1].

    DDIM inversion in steps of 10 gives z_100; one step further and one back give z′_100. Higher is
    more memorised, ≤ 0; twelve NFE. ``noise`` is not used. Raises ValueError without a target.
    """
    dtype = probe.pipeline.unet.dtype
    x = probe.encode_target()

    def step(x: Tensor, start: Tensor, end: Tensor) -> Tensor:
        return probe.move(x, probe.predict_conditional(x.to(dtype), start), start, end)

    *way, above = (probe.find_timestep(k * STRIDE) for k in range(round(DEPTH / STRIDE) + 2))
    for start, end in pairwise(way):
        x = step(x, start, end)
    back = step(step(x, way[-1], above), above, way[-1])
    return -compute_squared_norms(x - back) / x[0].numel()
