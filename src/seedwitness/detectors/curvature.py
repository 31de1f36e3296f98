"""Difference of curvatures: Metric 2 of "Early Detection of Memorization" (ICML 2026).

As ``hessian``, but each Hessian is multiplied with its own score, so that what the checkpoint draws
without a prompt is taken away and not multiplied in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, squared_norm


def curvature(probe: Probe, noise: Tensor) -> Tensor:
    """‖∇½‖ε_c‖² − ∇½‖ε_u‖²‖² at the first step (Metric 2, ICML 2026): [n].

    Higher is more memorised, ≥ 0; two NFE and two passes back. ``noise`` is [n, c, h, w].
    """
    t = probe.timesteps[0]
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype).requires_grad_()
    with torch.enable_grad():
        conditional, unconditional = probe.both(x, t)
        with_prompt = probe.back(conditional.square().sum() / 2, x)
        without = probe.back(unconditional.square().sum() / 2, x)
    return squared_norm(with_prompt - without)
