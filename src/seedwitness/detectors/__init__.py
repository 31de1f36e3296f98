"""Published statistics of memorisation, one file each, all called alike.

A detector takes a ``Probe`` (checkpoint, prompt, perhaps a picture) and noise [n, c, h, w], and
gives one value a noise, or one of all of them. Higher is more memorised, always; minus infinity may
stand for "not at all". None of them is a finding: figures of one checkpoint say nothing of another,
so they are read by their rank among controls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from seedwitness.detectors.anisotropy import alignment
from seedwitness.detectors.attention_entropy import attention_entropy, first_attention_entropy
from seedwitness.detectors.bright_ending import bright_ending
from seedwitness.detectors.clique import clique
from seedwitness.detectors.curvature import curvature
from seedwitness.detectors.hessian import hessian
from seedwitness.detectors.invmm import invmm
from seedwitness.detectors.magnitude import first_magnitude, magnitude
from seedwitness.detectors.most_alike import most_alike
from seedwitness.detectors.one_step import one_step
from seedwitness.detectors.probe import Probe
from seedwitness.detectors.singularity import singularity


@dataclass(frozen=True)
class Detector:
    """A statistic by its name: where it is from, what it asks for, how seeds are put together.

    ``needs`` is the prompt alone, or the picture too. ``over_seeds`` says what becomes of one value
    a seed: their mean, their largest, or that there is one value of all.
    """

    statistic: Callable[[Probe, Tensor], Tensor]
    source: str
    needs: Literal["prompt", "picture"]
    over_seeds: Literal["mean", "max", "all"]

    def __call__(self, probe: Probe, noise: Tensor) -> float:
        """The statistic of all ``noise`` [n, c, h, w] together."""
        values = self.statistic(probe, noise).double()
        return float(values.max() if self.over_seeds == "max" else values.mean())


def _prompt(statistic: Callable[[Probe, Tensor], Tensor], source: str) -> Detector:
    return Detector(statistic, source, "prompt", "mean")


DETECTORS: Mapping[str, Detector] = {
    "magnitude": _prompt(magnitude, "Wen et al., ICLR 2024"),
    "first-magnitude": _prompt(first_magnitude, "Wen et al., ICLR 2024 (one step)"),
    "one-step": _prompt(one_step, "Webster, 2023, arXiv 2305.08694"),
    "hessian": _prompt(hessian, "Jeon et al., ICML 2025"),
    "curvature": _prompt(curvature, "Early Detection of Memorization (Metric 2), ICML 2026"),
    "singularity": _prompt(singularity, "Early Detection of Memorization (DSM), ICML 2026"),
    "alignment": _prompt(alignment, "Asthana & Belagiannis, ICLR 2026, arXiv 2601.20642"),
    "attention-entropy": _prompt(attention_entropy, "Ren et al., ECCV 2024 (D)"),
    "first-attention-entropy": _prompt(first_attention_entropy, "Ren et al., ECCV 2024 (E)"),
    "bright-ending": _prompt(bright_ending, "Chen et al., ICLR 2025"),
    "clique": Detector(clique, "Carlini et al., USENIX Security 2023", "prompt", "all"),
    "invmm": Detector(invmm, "InvMM, ICCV 2025", "picture", "all"),
    "most-alike": Detector(most_alike, "Somepalli et al., CVPR 2023", "picture", "max"),
}
