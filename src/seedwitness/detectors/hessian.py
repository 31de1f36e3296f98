"""Sharpness of the log-density by Hessian-vector products (Jeon et al., ICML 2025).

Around a memorised picture the density is sharp, and the prompt causes it. The Hessian of the
log-density is the Jacobian of the score. A backward pass gives the product with its transpose,
which is equal if the network's Jacobian is symmetric, as that of a true score is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms


def hessian(probe: Probe, noise: Tensor) -> Tensor:
    """Compute ‖H^Δ s^Δ‖² at the first step, H^Δ the Hessians' difference (Jeon et al., 2025): [n].

    Scores are −ε / σ. Higher is more memorised, ≥ 0; two NFE and two backward passes. ``noise`` is
    [n, c, h, w].
    """
    t = probe.timesteps[0]
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype).requires_grad_()
    with torch.enable_grad():
        conditional, unconditional = probe.predict_both(x, t)
        direction = (conditional - unconditional).detach()
        conditional_product = probe.compute_gradient((conditional * direction).sum(), x)
        unconditional_product = probe.compute_gradient((unconditional * direction).sum(), x)
    return compute_squared_norms(conditional_product - unconditional_product) / probe.sigma(t) ** 4
