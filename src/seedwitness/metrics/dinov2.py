"""Compute the cosine of DINOv2 embeddings (Oquab et al., TMLR 2024): semantic similarity.

Higher is closer, in [-1, 1]; no copy threshold. Two pictures of one subject by different artists
are close by this metric, which a copy detector must not report: it is shown beside the others and
decides nothing. Any Dinov2Model in a transformers folder works, such as facebook/dinov2-base.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from seedwitness.errors import CheckpointError
from seedwitness.metrics import UNVERIFIED_WEIGHTS, MetricInfo
from seedwitness.metrics.descriptor import Preprocessing
from seedwitness.metrics.weights import require_file
from seedwitness.runtime.devices import full_precision
from seedwitness.runtime.hashes import sha256_file

VERSION = "1"
SIZE = 224
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class Dinov2:
    """A loaded model; the embedding is its class token after the last layer norm."""

    model: Any
    preprocessing: Preprocessing
    info: MetricInfo
    device: torch.device

    @full_precision()
    @torch.no_grad()
    def embed(self, pictures: Tensor, batch_size: int = 32) -> Tensor:
        """Embed pictures: uint8 [n, 3, height, width] to [n, d], of unit length.

        Pictures are stretched, not cropped, to the largest square of whole patches within 224
        pixels, so that the border counts too.
        """
        parts = [
            self.model(self.preprocessing(part.to(self.device))).last_hidden_state[:, 0]
            for part in pictures.split(batch_size)
        ]
        return F.normalize(torch.cat(parts).float().cpu(), dim=-1)


def load_dinov2(folder: Path, device: str | torch.device = "cpu") -> Dinov2:
    """Load DINOv2 from a folder. Raises CheckpointError if it is missing or another model."""
    from transformers import Dinov2Model

    remedy = f"A published one: hf download facebook/dinov2-base --local-dir {folder}"
    require_file(folder / "config.json", "The configuration of DINOv2", remedy)
    require_file(folder / WEIGHTS_FILE, "The weights of DINOv2", remedy)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model: Any = Dinov2Model.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except (ValueError, RuntimeError, OSError, KeyError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} cannot be loaded as a DINOv2 model: {error}. {remedy}"
        ) from error
    torch_device = torch.device(device)
    patch = int(config["patch_size"])
    size = max(1, SIZE // patch) * patch
    info = MetricInfo(
        name=f"dinov2-{folder.name}",
        version=VERSION,
        label=UNVERIFIED_WEIGHTS,
        weights_sha256=sha256_file(folder / WEIGHTS_FILE),
        higher_is_closer=True,
        lowest=-1.0,
        highest=1.0,
        copy_threshold=None,
        source="Oquab et al., TMLR 2024",
    )
    return Dinov2(
        model.to(torch_device).eval(), Preprocessing(size, square=True), info, torch_device
    )
