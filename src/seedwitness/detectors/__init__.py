"""Published statistics of memorisation: one file each, all with one signature.

A detector takes a ``Probe`` (checkpoint, prompt, optionally a picture) and noise [n, c, h, w], and
returns one value per noise, or one for all of them. Higher always means more memorised; minus
infinity may stand for "not at all". A value is not a finding: values of different checkpoints
cannot be compared, so a value is interpreted by its rank among controls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from seedwitness.detectors.anisotropy import alignment
from seedwitness.detectors.attention_entropy import attention_entropy, first_attention_entropy
from seedwitness.detectors.bright_ending import bright_ending
from seedwitness.detectors.clid import clid
from seedwitness.detectors.clique import clique
from seedwitness.detectors.curvature import curvature
from seedwitness.detectors.hessian import hessian
from seedwitness.detectors.invmm import invmm
from seedwitness.detectors.loss import loss
from seedwitness.detectors.magnitude import first_magnitude, magnitude
from seedwitness.detectors.most_alike import most_alike
from seedwitness.detectors.one_step import one_step
from seedwitness.detectors.pia import pia, pian
from seedwitness.detectors.probe import Probe
from seedwitness.detectors.secmi import secmi
from seedwitness.detectors.sima import sima
from seedwitness.detectors.singularity import singularity


@dataclass(frozen=True)
class Detector:
    """A statistic: its source, its input, and how the values of several seeds are aggregated.

    ``needs`` says whether it takes the prompt alone or the picture too, and ``compares`` whether it
    compares pictures with it by a descriptor. ``aggregation`` is the mean
    or the maximum over seeds, or ``all`` if the statistic returns one value for all seeds.
    """

    statistic: Callable[[Probe, Tensor], Tensor]
    source: str
    needs: Literal["prompt", "picture"]
    aggregation: Literal["mean", "max", "all"]
    compares: bool = False

    def __call__(self, probe: Probe, noise: Tensor) -> float:
        """Compute the statistic, aggregated over all ``noise`` [n, c, h, w]."""
        values = self.statistic(probe, noise).double()
        return float(values.max() if self.aggregation == "max" else values.mean())


def _make_prompt_detector(statistic: Callable[[Probe, Tensor], Tensor], source: str) -> Detector:
    return Detector(statistic, source, "prompt", "mean")


DETECTORS: Mapping[str, Detector] = {
    "magnitude": _make_prompt_detector(magnitude, "Wen et al., ICLR 2024"),
    "first-magnitude": _make_prompt_detector(first_magnitude, "Wen et al., ICLR 2024 (one step)"),
    "one-step": _make_prompt_detector(one_step, "Webster, 2023, arXiv 2305.08694"),
    "hessian": _make_prompt_detector(hessian, "Jeon et al., ICML 2025"),
    "curvature": _make_prompt_detector(
        curvature, "Early Detection of Memorization (Metric 2), ICML 2026"
    ),
    "singularity": _make_prompt_detector(
        singularity, "Early Detection of Memorization (DSM), ICML 2026"
    ),
    "alignment": _make_prompt_detector(
        alignment, "Asthana & Belagiannis, ICLR 2026, arXiv 2601.20642"
    ),
    "attention-entropy": _make_prompt_detector(attention_entropy, "Ren et al., ECCV 2024 (D)"),
    "first-attention-entropy": _make_prompt_detector(
        first_attention_entropy, "Ren et al., ECCV 2024 (E)"
    ),
    "bright-ending": _make_prompt_detector(bright_ending, "Chen et al., ICLR 2025"),
    "clique": Detector(clique, "Carlini et al., USENIX Security 2023", "prompt", "all"),
    "invmm": Detector(invmm, "InvMM, ICCV 2025", "picture", "all", compares=True),
    "loss": Detector(loss, "Ho et al., NeurIPS 2020 (as membership)", "picture", "mean"),
    "secmi": Detector(secmi, "Duan et al., ICML 2023, arXiv 2302.01316", "picture", "all"),
    "pia": Detector(pia, "Kong et al., ICLR 2024, arXiv 2305.18355", "picture", "all"),
    "pian": Detector(pian, "Kong et al., ICLR 2024 (normalised)", "picture", "all"),
    "sima": Detector(sima, "SimA, 2025, arXiv 2509.25003", "picture", "all"),
    "clid": Detector(clid, "Zhai et al., NeurIPS 2024, arXiv 2405.14800", "picture", "mean"),
    "most-alike": Detector(
        most_alike, "Somepalli et al., CVPR 2023", "picture", "max", compares=True
    ),
}
