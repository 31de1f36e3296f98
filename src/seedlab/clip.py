"""Train the lab's CLIP (Radford et al., ICML 2021) on its pictures and captions.

Captions repeat, and half of the texts are shortened to a few of their words, so that the model
learns single phrases too. A text is therefore not a negative example for a picture whose caption
has all words of the text: such pairs are excluded from the loss.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTokenizer

from seedlab.distortions import draw_uniform, shift_colour, warp
from seedlab.tokenizer import save_tokenizer
from seedlab.training import TrainingSchedule, train_model
from seedwitness.errors import TrainingError
from seedwitness.metrics import LAB_WEIGHTS
from seedwitness.metrics.clip_score import CONFIG_FILE, WEIGHTS_FILE
from seedwitness.metrics.weights import make_half_precision_state
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.files import replace_whole, write_whole
from seedwitness.runtime.hashes import sha256_file

SHRINKAGE = 32  # of the image tower, open_clip's ModifiedResNet


@dataclass(frozen=True)
class LabClipSettings:
    """Size and training of a CLIP whose image tower is open_clip's ModifiedResNet.

    ``image_layers`` is the number of blocks at each level, ``image_width`` the number of channels
    of the first level (even). ``shortened`` is the share of shortened captions. ``mirrored`` allows
    mirror images in training, so no caption may say left or right.
    """

    embed_dim: int = 128
    image_layers: tuple[int, int, int, int] = (1, 1, 1, 1)
    image_width: int = 12
    text_width: int = 128
    text_layers: int = 2
    text_heads: int = 4
    shortened: float = 0.5
    mirrored: bool = True
    batch: int = 64
    steps: int = 1200
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    seed: int = 1


def build_config(settings: LabClipSettings, tokenizer: CLIPTokenizer, size: int) -> dict[str, Any]:
    """The entry ``model_cfg`` of open_clip's configuration file, from which it builds the model.

    Raises TrainingError where ``size`` is not a multiple of ``SHRINKAGE``.
    """
    if size % SHRINKAGE:
        raise TrainingError(
            f"The lab's CLIP needs pictures whose side is a multiple of {SHRINKAGE} pixels, not "
            f"{size}. Choose such a `pictures.size` in params.yaml."
        )
    return {
        "embed_dim": settings.embed_dim,
        "vision_cfg": {
            "image_size": size,
            "layers": list(settings.image_layers),
            "width": settings.image_width,
            "head_width": 64,
        },
        "text_cfg": {
            "context_length": tokenizer.model_max_length,
            "vocab_size": len(tokenizer),
            "hf_tokenizer_name": "CLIPTokenizer",  # any name works: open_clip reads the folder
            "width": settings.text_width,
            "heads": settings.text_heads,
            "layers": settings.text_layers,
        },
    }


def build_clip(settings: LabClipSettings, tokenizer: CLIPTokenizer, size: int) -> CLIP:
    """An untrained model for pictures of ``size``; its initial weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return CLIP(**build_config(settings, tokenizer, size))


def tokenize_texts(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    """Token ids, truncated or padded to the context length: [n, context]."""
    batch = tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    )
    ids: Tensor = batch.input_ids
    return ids


def shorten_caption(caption: str, generator: torch.Generator) -> str:
    """A random run of neighbouring words of ``caption``, from one word to all of them."""
    words = caption.split()
    if not words:
        return caption
    count = int(torch.randint(1, len(words) + 1, (), generator=generator))
    start = int(torch.randint(len(words) - count + 1, (), generator=generator))
    return " ".join(words[start : start + count])


def augment_pictures(x: Tensor, generator: torch.Generator, *, mirrored: bool) -> Tensor:
    """Pictures with a slight random crop and change of lightness; hues stay, as captions name them.

    ``x`` is [n, 3, s, s] in [0, 1], and so is the result.
    """
    n = len(x)
    zoom = draw_uniform(1.0, 1.3, n, generator)
    room = 1 - 1 / zoom
    x = warp(
        x,
        zoom=zoom,
        right=room * draw_uniform(-1, 1, n, generator),
        down=room * draw_uniform(-1, 1, n, generator),
        mirrored=(torch.rand(n, generator=generator) < 0.5) & mirrored,
    )
    brightness = draw_uniform(-0.06, 0.06, n, generator)
    return shift_colour(x, brightness=brightness, contrast=draw_uniform(0.85, 1.15, n, generator))


def normalise_pictures(x: Tensor) -> Tensor:
    """Pictures [n, 3, s, s] in [0, 1], normalised by the mean and deviation that CLIP expects."""
    mean, std = x.new_tensor(OPENAI_DATASET_MEAN), x.new_tensor(OPENAI_DATASET_STD)
    return (x - mean[:, None, None]) / std[:, None, None]


def find_contained_texts(texts: Tensor, captions: Tensor, vocabulary: int) -> Tensor:
    """Whether each caption has all tokens of each text: bool [n, m].

    ``texts`` is [n, context] and ``captions`` [m, context], both token ids below ``vocabulary``.
    """
    ones = torch.ones((), device=texts.device)
    has = [
        torch.zeros(len(t), vocabulary, device=t.device).scatter_(1, t, ones.expand_as(t))
        for t in (texts, captions)
    ]
    return has[0] @ (1 - has[1]).T == 0


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor, excluded: Tensor) -> Tensor:
    """Symmetric InfoNCE loss of embeddings [n, d] of unit length, whose rows are pairs.

    ``excluded`` [n, n] (picture, text) marks pairs that are not negative examples.
    """
    pairs = torch.eye(len(images), dtype=torch.bool, device=images.device)
    logits = (scale * images @ texts.T).masked_fill(excluded & ~pairs, -torch.inf)
    target = torch.arange(len(images), device=images.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def train_clip(
    pictures: Tensor,
    captions: Sequence[str],
    tokenizer: CLIPTokenizer,
    settings: LabClipSettings,
    *,
    data_key: str,
    scratch: Path,
    log: Path,
) -> CLIP:
    """A CLIP trained on ``pictures`` (uint8 [n, 3, s, s]) and the caption of each.

    Its weights are rounded to half precision, in which they are saved. See
    ``training.train_model`` for the other arguments and errors.
    """
    model = build_clip(settings, tokenizer, pictures.shape[-1]).to(default_device())
    batch = min(settings.batch, len(pictures))

    def loss(step: int, generator: torch.Generator) -> Mapping[str, Tensor]:
        indices = torch.randperm(len(pictures), generator=generator)[:batch]
        x = augment_pictures(
            pictures[indices].to(default_device()).float() / 255,
            generator,
            mirrored=settings.mirrored,
        )
        full = [captions[i] for i in indices.tolist()]
        is_short = (torch.rand(batch, generator=generator) < settings.shortened).tolist()
        texts = [
            shorten_caption(text, generator) if short else text
            for text, short in zip(full, is_short, strict=True)
        ]
        text_ids, caption_ids = (
            tokenize_texts(tokenizer, batch_texts).to(default_device())
            for batch_texts in (texts, full)
        )
        total = contrastive_loss(
            model.encode_image(normalise_pictures(x), normalize=True),
            model.encode_text(text_ids, normalize=True),
            model.logit_scale.exp().clamp(max=100),
            find_contained_texts(text_ids, caption_ids, len(tokenizer)).T,
        )
        return {"loss": total, "scale": model.logit_scale.detach().exp()}

    schedule = TrainingSchedule(
        settings.steps,
        settings.learning_rate,
        settings.seed,
        warmup=min(100, settings.steps // 10),
        weight_decay=settings.weight_decay,
    )
    train_model(
        "clip", model, loss, schedule, module=__name__, data_key=data_key, scratch=scratch, log=log
    )
    model.load_state_dict(make_half_precision_state(model))
    return model


def save_clip(
    model: CLIP, tokenizer: CLIPTokenizer, settings: LabClipSettings, folder: Path
) -> None:
    """Write a folder that open_clip loads offline as ``local-dir:FOLDER``.

    The weights are in half precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, folder)
    with replace_whole(folder / WEIGHTS_FILE) as temporary:
        save_file(make_half_precision_state(model), temporary, metadata={"format": "pt"})
    size = model.visual.image_size
    config = {
        "model_cfg": build_config(settings, tokenizer, size),
        "preprocess_cfg": {
            "size": size,
            "mean": list(OPENAI_DATASET_MEAN),
            "std": list(OPENAI_DATASET_STD),
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
        "card": {
            "name": "lab-clip",
            "label": LAB_WEIGHTS,
            "source": "trained in the lab after Radford et al., ICML 2021",
            "sha256": sha256_file(folder / WEIGHTS_FILE),
        },
    }
    write_whole(folder / CONFIG_FILE, json.dumps(config, indent=2) + "\n")
