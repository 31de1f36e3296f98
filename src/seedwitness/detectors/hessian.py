"""Sharpness of the log-density by Hessian-vector products (Jeon et al., ICML 2025).

Around a memorised picture the density is sharp, and the prompt makes it so. The Hessian of the
log-density is the Jacobian of the score. A pass back gives the product with its transpose, which is
the same as far as the network's Jacobian is as symmetric as that of a true score.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, squared_norm


def hessian(probe: Probe, noise: Tensor) -> Tensor:
    """‖H^Δ s^Δ‖² at the first step, H^Δ the Hessians' difference (Jeon et al., ICML 2025): [n].

    Scores are −ε / σ. Higher is more memorised, ≥ 0; two NFE and two passes back. ``noise`` is
    [n, c, h, w].
    """
    t = probe.timesteps[0]
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype).requires_grad_()
    with torch.enable_grad():
        conditional, unconditional = probe.both(x, t)
        along = (conditional - unconditional).detach()
        with_prompt = probe.back((conditional * along).sum(), x)
        without = probe.back((unconditional * along).sum(), x)
    return squared_norm(with_prompt - without) / probe.sigma(t) ** 4
