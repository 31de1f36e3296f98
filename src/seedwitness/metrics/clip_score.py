"""Compute the cosine of image and text in CLIP (Hessel et al., EMNLP 2021), by an open_clip folder.

Higher is closer, in [-1, 1]. This is the plain cosine, not the 2.5 × max(cosine, 0) that Hessel et
al. print. It measures whether a picture shows what a text names, not whether it is a copy: there is
no copy threshold.
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
from seedwitness.metrics import UNVERIFIED_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import require_file
from seedwitness.runtime.devices import full_precision
from seedwitness.runtime.hashes import sha256_file

VERSION = "1"
CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"


def compute_cosines(images: Tensor, texts: Tensor) -> Tensor:
    """Compute the cosine of every image with every text: [n, d] and [m, d] to [n, m]."""
    return F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T


@dataclass(frozen=True)
class ClipScore:
    """A loaded CLIP: model, preprocessing, tokenizer, and the record of its scores."""

    model: Any
    preprocess: Callable[[Image.Image], Tensor]
    tokenizer: Callable[[list[str]], Tensor]
    info: MetricInfo
    device: torch.device

    @full_precision()
    @torch.no_grad()
    def embed_images(self, pictures: Tensor, batch_size: int = 64) -> Tensor:
        """Embed pictures: uint8 [n, 3, height, width] to [n, d], of unit length."""
        parts = []
        for part in pictures.split(batch_size):
            arrays = part.permute(0, 2, 3, 1).cpu().numpy()
            inputs = torch.stack([self.preprocess(Image.fromarray(array)) for array in arrays])
            parts.append(
                self.model.encode_image(inputs.to(self.device), normalize=True).float().cpu()
            )
        return torch.cat(parts)

    @full_precision()
    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str], batch_size: int = 256) -> Tensor:
        """Embed n texts, each cut to the model's context: [n, d], of unit length."""
        parts = []
        for start in range(0, len(texts), batch_size):
            tokens = self.tokenizer(list(texts[start : start + batch_size])).to(self.device)
            parts.append(self.model.encode_text(tokens, normalize=True).float().cpu())
        return torch.cat(parts)


def score_prompts(
    clip: ClipScore, pictures: Tensor, texts: Sequence[str], batch_size: int = 64
) -> Tensor:
    """Score each picture (uint8 [n, 3, height, width]) against the text of its row: cosine, [n]."""
    return (clip.embed_images(pictures, batch_size) * clip.embed_texts(texts)).sum(-1)


def load_clip(folder: Path, device: str | torch.device = "cpu") -> ClipScore:
    """Load CLIP from an open_clip folder: its configuration, safetensors weights and tokenizer.

    Raises CheckpointError if a file is missing, belongs to another model, or contradicts the
    folder's configuration.
    """
    remedy = (
        "`make lab` trains the lab's own; a published one: "
        f"hf download laion/CLIP-ViT-B-32-laion2B-s34B-b79K --local-dir {folder}"
    )
    require_file(folder / CONFIG_FILE, "The configuration of the CLIP model", remedy)
    weights = _find_weights(folder)
    require_file(weights, "The weights of the CLIP model", remedy)
    sha256 = sha256_file(weights)
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        card = config.get("card", {})
        if card.get("sha256", sha256) != sha256:
            raise CheckpointError(
                f"{weights} is not the file that {folder / CONFIG_FILE} describes: its SHA-256 is "
                f"{sha256}, not {card['sha256']}. {remedy}"
            )
        model, _, preprocess = open_clip.create_model_and_transforms(
            f"local-dir:{folder}", device=torch.device(device), require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    except (ValueError, RuntimeError, OSError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{folder} cannot be loaded as a CLIP model: {error}. {remedy}"
        ) from error
    info = MetricInfo(
        name=card.get("name", f"clip-{folder.name}"),
        version=VERSION,
        label=card.get("label", UNVERIFIED_WEIGHTS),
        weights_sha256=sha256,
        higher_is_closer=True,
        lowest=-1.0,
        highest=1.0,
        copy_threshold=None,
        source=card.get("source", "Hessel et al., EMNLP 2021"),
    )
    return ClipScore(model.eval(), preprocess, tokenizer, info, torch.device(device))


def _find_weights(folder: Path) -> Path:
    """Find the weights file that open_clip reads: its own name first, then the hub's."""
    hub_file = folder / "open_clip_pytorch_model.safetensors"
    return (
        hub_file
        if hub_file.exists() and not (folder / WEIGHTS_FILE).exists()
        else folder / WEIGHTS_FILE
    )
