"""Dynamical singularity: DSM of "Early Detection of Memorization" (ICML 2026).

If the trajectory leads to a memorised picture, the predicted noise changes fast from step to step.
"""

from __future__ import annotations

from itertools import islice

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms


def singularity(probe: Probe, noise: Tensor) -> Tensor:
    """Compute ‖ε_c(z_2) − ε_c(z_1)‖², from the second step to the third (DSM, ICML 2026): [n].

    Higher is more memorised, ≥ 0; five NFE. ``noise`` is [n, c, h, w].
    """
    steps = probe.walk(noise)
    *_, second = islice(steps, 2)
    x = probe.take_step(second)
    with torch.no_grad():
        third = probe.predict_conditional(x, probe.timesteps[2])
    return compute_squared_norms(third - second.conditional)
