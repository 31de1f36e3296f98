"""Largest similarity of the generations to the target (Somepalli et al., CVPR 2023).

It needs the picture, and it is the only detector that states which picture was memorised.
"""

from __future__ import annotations

from torch import Tensor

from seedwitness.detectors.probe import Probe


def most_alike(probe: Probe, noise: Tensor) -> Tensor:
    """Compute the similarity of each generation to the target by a copy-detection descriptor: [n].

    The statistic is the maximum over the seeds (Somepalli et al., CVPR 2023, call SSCD scores above
    0.5 copies). In [−1, 1], higher is more memorised; two NFE a step. ``noise`` is [n, c, h, w].
    Raises ValueError if the probe has no target or similarity function.
    """
    if probe.target is None or probe.similarity is None:
        raise ValueError("most-alike needs a probe with a target and a similarity function")
    return probe.similarity(probe.sample_pictures(noise), probe.target).cpu()
