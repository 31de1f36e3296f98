"""DreamSim (Fu et al., NeurIPS 2023): perceptual distance learned from what people find alike.

Lower is closer, in [0, 2] (one minus a cosine); no copy threshold: it says what looks alike to
people, layout and mood included, and not what was copied. Read from TorchScript, so that its own
package is needed only once, to write the file:

    from dreamsim import dreamsim; import torch
    model, _ = dreamsim(pretrained=True, device="cpu")
    x = torch.rand(2, 3, 224, 224)
    torch.jit.trace(model, (x, x)).save("models/dreamsim.pt")
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from seedwitness.imaging.alignment import resized
from seedwitness.metrics import GIVEN_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import require, scripted
from seedwitness.runtime.files import sha256_file

VERSION = "1"
SIZE = 224
HOW = "Its package writes it, once: see the head of seedwitness/metrics/dreamsim.py."


@dataclass(frozen=True)
class DreamSim:
    """A loaded network: two stacks [n, 3, 224, 224] in [0, 1] to distances [n]."""

    network: torch.jit.ScriptModule
    info: MetricInfo
    device: torch.device

    @torch.no_grad()
    def scores(self, pictures: Tensor, references: Tensor, batch: int = 32) -> Tensor:
        """Distance of each picture to the reference of the same row: two uint8 stacks to [n]."""
        parts = zip(pictures.split(batch), references.split(batch), strict=True)
        found = [self.network(self._ready(a), self._ready(b)).float().cpu() for a, b in parts]
        return torch.cat([each.reshape(-1) for each in found])

    def _ready(self, pictures: Tensor) -> Tensor:
        """Bicubic by Pillow, as its package does."""
        small = resized(pictures, SIZE, SIZE, Image.Resampling.BICUBIC)
        return small.to(self.device).float() / 255


def load(weights: Path, device: str | torch.device = "cpu") -> DreamSim:
    """DreamSim from a TorchScript file. Raises CheckpointError where it is missing or no such."""
    require(weights, "DreamSim", HOW)
    place = torch.device(device)
    network = scripted(weights, place, HOW)
    info = MetricInfo(
        name="dreamsim",
        version=VERSION,
        label=GIVEN_WEIGHTS,
        weights_sha256=sha256_file(weights),
        higher_is_closer=False,
        lowest=0.0,
        highest=2.0,
        copy_threshold=None,
        source="Fu et al., NeurIPS 2023",
    )
    return DreamSim(network, info, place)
