"""Magnitude of the text-conditional noise (Wen et al., ICLR 2024).

A prompt that was learned by heart pulls towards its picture from every noise, so that ``s^Δ`` is
large. Known failures: a prompt that asks for much pulls too, learned or not; and once the latents
lie at a picture that the checkpoint knows without its prompt too, the prompt pulls no more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, squared_norm


def magnitude(probe: Probe, noise: Tensor) -> Tensor:
    """Mean over all steps of ‖ε_c − ε_u‖₂ (Wen et al., ICLR 2024, eq. 4), for each noise: [n].

    Higher is more memorised, ≥ 0; two NFE a step. ``noise`` is [n, c, h, w].
    """
    norms = [squared_norm(step.difference).sqrt() for step in probe.walk(noise)]
    return torch.stack(norms).mean(0)


def first_magnitude(probe: Probe, noise: Tensor) -> Tensor:
    """‖ε_c − ε_u‖₂ at the first step alone, for each noise (Wen et al., ICLR 2024): [n].

    Higher is more memorised, ≥ 0; two NFE. ``noise`` is [n, c, h, w].
    """
    return squared_norm(probe.first(noise).difference).sqrt()
