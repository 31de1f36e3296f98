"""How like the target the generations are (Somepalli et al., CVPR 2023): the largest similarity.

It asks for the picture too, and is the only one that says which picture was learned.
"""

from __future__ import annotations

from torch import Tensor

from seedwitness.detectors.probe import Probe


def most_alike(probe: Probe, noise: Tensor) -> Tensor:
    """Similarity of each generation to the target by a copy-detection descriptor: [n].

    Its largest over the seeds is the statistic (Somepalli et al., CVPR 2023, call copies what SSCD
    puts above 0.5). In [−1, 1], higher is more memorised; two NFE a step. ``noise`` is
    [n, c, h, w]. Raises ValueError where the probe has no target or nothing that compares.
    """
    if probe.target is None or probe.alike is None:
        raise ValueError("likeness to a target wants a target and a measure")
    return probe.alike(probe.pictures(noise), probe.target).cpu()
