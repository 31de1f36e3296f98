"""One-step denoising (Webster, 2023, arXiv 2305.08694): the denoising confidence score.

A picture that was learned by heart is there after a single step. Known failure: templates, of which
a part is learned, score as high as whole copies.
"""

from __future__ import annotations

from torch import Tensor

from seedwitness.detectors.probe import Probe, squared_norm


def one_step(probe: Probe, noise: Tensor) -> Tensor:
    """Mean squared distance between noise and one guided step to the end (Webster, 2023): [n].

    Both at the noise's own scale, so it is the mean square of the guided noise. Higher is more
    memorised, ≥ 0; two NFE. ``noise`` is [n, c, h, w].
    """
    step = probe.first(noise)
    guided = step.unconditional + probe.guidance * step.difference
    return squared_norm(guided) / guided[0].numel()
