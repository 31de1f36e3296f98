"""Magnitude of the text-conditional noise (Wen et al., ICLR 2024).

A memorised prompt pulls every noise towards its picture, so ``s^Δ`` is large. Known failures: a
prompt of strong effect has a large ``s^Δ`` too, memorised or not; and once the latents are at
a picture that the checkpoint reproduces without its prompt too, ``s^Δ`` is small.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms


def magnitude(probe: Probe, noise: Tensor) -> Tensor:
    """Compute the mean over all steps of ‖ε_c − ε_u‖₂ (Wen et al., ICLR 2024, eq. 4): [n].

    Higher is more memorised, ≥ 0; two NFE a step. ``noise`` is [n, c, h, w].
    """
    norms = [compute_squared_norms(step.difference).sqrt() for step in probe.walk(noise)]
    return torch.stack(norms).mean(0)


def first_magnitude(probe: Probe, noise: Tensor) -> Tensor:
    """Compute ‖ε_c − ε_u‖₂ at the first step alone (Wen et al., ICLR 2024): [n].

    Higher is more memorised, ≥ 0; two NFE. ``noise`` is [n, c, h, w].
    """
    return compute_squared_norms(probe.compute_first_step(noise).difference).sqrt()
