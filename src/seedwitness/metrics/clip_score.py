"""Cosine of image and text in CLIP (Hessel et al., EMNLP 2021), by any open_clip folder.

Higher is closer, in [-1, 1]. This is the plain cosine, not the 2.5 × max(cosine, 0) that Hessel et
al. print. It says whether a picture shows what a text names, not whether it copies anything: there
is no copy threshold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from seedwitness.errors import CheckpointError
from seedwitness.metrics import GIVEN_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import require
from seedwitness.runtime.files import sha256_file

VERSION = "1"
CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"


def cosines(images: Tensor, texts: Tensor) -> Tensor:
    """Cosine of every image with every text: embeddings [n, d] and [m, d] to [n, m]."""
    return F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T


@dataclass(frozen=True)
class ClipScore:
    """A loaded CLIP: model, its preprocessing and tokenizer, and what is known of its scores."""

    model: Any
    preprocess: Callable[[Image.Image], Tensor]
    tokenizer: Callable[[list[str]], Tensor]
    info: MetricInfo
    device: torch.device

    @torch.no_grad()
    def embed_images(self, pictures: Tensor, batch: int = 64) -> Tensor:
        """Image embeddings of unit length: uint8 [n, 3, height, width] to [n, d]."""
        parts = []
        for part in pictures.split(batch):
            arrays = part.permute(0, 2, 3, 1).cpu().numpy()
            x = torch.stack([self.preprocess(Image.fromarray(a)) for a in arrays])
            parts.append(self.model.encode_image(x.to(self.device), normalize=True).float().cpu())
        return torch.cat(parts)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str], batch: int = 256) -> Tensor:
        """Text embeddings of unit length: n texts, each cut to the model's context, to [n, d]."""
        parts = []
        for start in range(0, len(texts), batch):
            tokens = self.tokenizer(list(texts[start : start + batch])).to(self.device)
            parts.append(self.model.encode_text(tokens, normalize=True).float().cpu())
        return torch.cat(parts)


def scores(clip: ClipScore, pictures: Tensor, texts: Sequence[str], batch: int = 64) -> Tensor:
    """Cosine of each picture (uint8 [n, 3, height, width]) with the text of the same row: [n]."""
    return (clip.embed_images(pictures, batch) * clip.embed_texts(texts)).sum(-1)


def load(folder: Path, device: str | torch.device = "cpu") -> ClipScore:
    """CLIP from an open_clip folder: its configuration, safetensors weights and tokenizer.

    Raises CheckpointError where a file is missing, of another model, or not what the folder says.
    """
    how = (
        "`make lab` trains the lab's own; a published one: "
        f"hf download laion/CLIP-ViT-B-32-laion2B-s34B-b79K --local-dir {folder}"
    )
    require(folder / CONFIG, "The configuration of the CLIP model", how)
    weights = _weights(folder)
    require(weights, "The weights of the CLIP model", how)
    sha256 = sha256_file(weights)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        card = config.get("card", {})
        if card.get("sha256", sha256) != sha256:
            raise CheckpointError(
                f"{weights} is not the file that {folder / CONFIG} describes: its SHA-256 is "
                f"{sha256}, not {card['sha256']}. {how}"
            )
        model, _, preprocess = open_clip.create_model_and_transforms(
            f"local-dir:{folder}", device=torch.device(device), require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    except (ValueError, RuntimeError, OSError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{folder} cannot be loaded as a CLIP model: {error}. {how}"
        ) from error
    info = MetricInfo(
        name=card.get("name", f"clip-{folder.name}"),
        version=VERSION,
        label=card.get("label", GIVEN_WEIGHTS),
        weights_sha256=sha256,
        higher_is_closer=True,
        lowest=-1.0,
        highest=1.0,
        copy_threshold=None,
        source=card.get("source", "Hessel et al., EMNLP 2021"),
    )
    return ClipScore(model.eval(), preprocess, tokenizer, info, torch.device(device))


def _weights(folder: Path) -> Path:
    """The file that open_clip reads: its own name, else the one that the hub uses."""
    hub = folder / "open_clip_pytorch_model.safetensors"
    return hub if hub.exists() and not (folder / WEIGHTS).exists() else folder / WEIGHTS
