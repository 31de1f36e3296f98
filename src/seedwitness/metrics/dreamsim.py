"""Compute DreamSim (Fu et al., NeurIPS 2023): a perceptual distance learned from human judgements.

Lower is closer, in [0, 2] (one minus a cosine); no copy threshold: it measures what looks similar
to people, layout and mood included, not what was copied. The network is read from TorchScript, so
its own package is needed only once, to write the file:

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

from seedwitness.imaging.alignment import resize_batch
from seedwitness.metrics import UNVERIFIED_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import load_torchscript, require_file
from seedwitness.runtime.devices import full_precision
from seedwitness.runtime.hashes import sha256_file

VERSION = "1"
SIZE = 224
REMEDY = "Write it once with its package: see the top of seedwitness/metrics/dreamsim.py."


@dataclass(frozen=True)
class DreamSim:
    """A loaded network: two stacks [n, 3, 224, 224] in [0, 1] to distances [n]."""

    network: torch.jit.ScriptModule
    info: MetricInfo
    device: torch.device

    @full_precision()
    @torch.no_grad()
    def score_pairs(self, pictures: Tensor, references: Tensor, batch_size: int = 32) -> Tensor:
        """Score each picture against the reference of its row: two uint8 stacks to [n]."""
        batches = zip(pictures.split(batch_size), references.split(batch_size), strict=True)
        distances = [
            self.network(self._prepare(first), self._prepare(second)).float().cpu()
            for first, second in batches
        ]
        return torch.cat([part.reshape(-1) for part in distances])

    def _prepare(self, pictures: Tensor) -> Tensor:
        """Resize by Pillow's bicubic filter, as the DreamSim package does."""
        resized = resize_batch(pictures, SIZE, SIZE, Image.Resampling.BICUBIC)
        return resized.to(self.device).float() / 255


def load_dreamsim(weights: Path, device: str | torch.device = "cpu") -> DreamSim:
    """Load DreamSim from a TorchScript file. Raises CheckpointError if it is missing or invalid."""
    require_file(weights, "DreamSim", REMEDY)
    torch_device = torch.device(device)
    network = load_torchscript(weights, torch_device, REMEDY)
    info = MetricInfo(
        name="dreamsim",
        version=VERSION,
        label=UNVERIFIED_WEIGHTS,
        weights_sha256=sha256_file(weights),
        higher_is_closer=False,
        lowest=0.0,
        highest=2.0,
        copy_threshold=None,
        source="Fu et al., NeurIPS 2023",
    )
    return DreamSim(network, info, torch_device)
