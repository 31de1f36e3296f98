"""Dynamical singularity: DSM of "Early Detection of Memorization" (ICML 2026).

Where the way leads to one picture, the predicted noise changes fast from step to step.
"""

from __future__ import annotations

from itertools import islice

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, squared_norm


def singularity(probe: Probe, noise: Tensor) -> Tensor:
    """‖ε_c(z_2) − ε_c(z_1)‖², from the second step to the third (DSM, ICML 2026): [n].

    Higher is more memorised, ≥ 0; five NFE. ``noise`` is [n, c, h, w].
    """
    way = probe.walk(noise)
    *_, second = islice(way, 2)
    x = probe.earlier(second)
    with torch.no_grad():
        third = probe.conditional(x, probe.timesteps[2])
    return squared_norm(third - second.conditional)
