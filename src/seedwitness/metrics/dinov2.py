"""Cosine of DINOv2's embeddings (Oquab et al., TMLR 2024): semantic likeness, not copying.

Higher is closer, in [-1, 1]; no copy threshold. Two pictures of one subject by different hands are
close by it, which is what a copy detector must not say: it stands beside the others, and decides
nothing. Any Dinov2Model in a folder of transformers, such as facebook/dinov2-base.
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
from seedwitness.metrics import GIVEN_WEIGHTS, MetricInfo
from seedwitness.metrics.descriptor import Preprocessing
from seedwitness.metrics.weights import require
from seedwitness.runtime.files import sha256_file

VERSION = "1"
SIZE = 224
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Dinov2:
    """A loaded model: the embedding is its class token after the last layer norm."""

    model: Any
    preprocessing: Preprocessing
    info: MetricInfo
    device: torch.device

    @torch.no_grad()
    def embed(self, pictures: Tensor, batch: int = 32) -> Tensor:
        """Embeddings of unit length: uint8 [n, 3, height, width] to [n, d].

        Pictures are stretched to the square that the model's patches make of some 224 pixels,
        without a crop, so that nothing at the border goes unseen.
        """
        parts = [
            self.model(self.preprocessing(part.to(self.device))).last_hidden_state[:, 0]
            for part in pictures.split(batch)
        ]
        return F.normalize(torch.cat(parts).float().cpu(), dim=-1)


def load(folder: Path, device: str | torch.device = "cpu") -> Dinov2:
    """DINOv2 from a folder. Raises CheckpointError where it is missing or of another model."""
    from transformers import Dinov2Model

    how = f"A published one: hf download facebook/dinov2-base --local-dir {folder}"
    require(folder / "config.json", "The configuration of DINOv2", how)
    require(folder / WEIGHTS, "The weights of DINOv2", how)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model: Any = Dinov2Model.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except (ValueError, RuntimeError, OSError, KeyError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} cannot be loaded as a DINOv2 model: {error}. {how}"
        ) from error
    place = torch.device(device)
    patch = int(config["patch_size"])
    size = max(1, SIZE // patch) * patch
    info = MetricInfo(
        name=f"dinov2-{folder.name}",
        version=VERSION,
        label=GIVEN_WEIGHTS,
        weights_sha256=sha256_file(folder / WEIGHTS),
        higher_is_closer=True,
        lowest=-1.0,
        highest=1.0,
        copy_threshold=None,
        source="Oquab et al., TMLR 2024",
    )
    return Dinov2(model.to(place).eval(), Preprocessing(size, square=True), info, place)
