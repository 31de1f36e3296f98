"""Difference of curvatures: Metric 2 of "Early Detection of Memorization" (ICML 2026).

As ``hessian``, but each Hessian is multiplied by its own score, so the unconditional part is
subtracted and not multiplied in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms


def curvature(probe: Probe, noise: Tensor) -> Tensor:
    """Compute ‖∇½‖ε_c‖² − ∇½‖ε_u‖²‖² at the first step (Metric 2, ICML 2026): [n].

    Higher is more memorised, ≥ 0; two NFE and two backward passes. ``noise`` is [n, c, h, w].
    """
    t = probe.timesteps[0]
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype).requires_grad_()
    with torch.enable_grad():
        conditional, unconditional = probe.predict_both(x, t)
        conditional_gradient = probe.compute_gradient(conditional.square().sum() / 2, x)
        unconditional_gradient = probe.compute_gradient(unconditional.square().sum() / 2, x)
    return compute_squared_norms(conditional_gradient - unconditional_gradient)
