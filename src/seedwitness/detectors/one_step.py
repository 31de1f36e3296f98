"""One-step denoising (Webster, 2023, arXiv 2305.08694): the denoising confidence score.

A memorised picture is visible after a single step. Known failure: templates, of which only a part
is memorised, score as high as whole copies.
"""

from __future__ import annotations

from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms


def one_step(probe: Probe, noise: Tensor) -> Tensor:
    """Compute the mean squared distance of noise and one guided step to the end (Webster): [n].

    Both are at the scale of the noise, so it is the mean square of the guided noise. Higher is more
    memorised, ≥ 0; two NFE. ``noise`` is [n, c, h, w].
    """
    step = probe.compute_first_step(noise)
    guided = step.unconditional + probe.guidance * step.difference
    return compute_squared_norms(guided) / guided[0].numel()
