"""Train the lab's CLIP (Radford et al., ICML 2021) on its pictures and captions.

Captions repeat, and half of the texts are shortened to a few of their words, so that a single
phrase means something too. A text is therefore no counterexample for a picture whose own caption
has all of its words: such pairs are left out of the loss, neither pulled together nor apart.
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

from seedlab.distortions import colour, uniform, warp
from seedlab.training import Schedule, device, fit, generator_of
from seedlab.words import save_tokenizer
from seedwitness.errors import PictureError, TrainingError
from seedwitness.metrics import LAB_WEIGHTS
from seedwitness.metrics.clip_score import CONFIG, WEIGHTS, ClipScore, cosines
from seedwitness.metrics.weights import half_precision
from seedwitness.runtime.files import replace_whole, sha256_file, write_whole

SHRINKAGE = 32  # of the image tower: open_clip's ModifiedResNet


@dataclass(frozen=True)
class Clip:
    """Size and training of a CLIP; the image tower is open_clip's ModifiedResNet.

    ``image_layers`` counts its blocks a level, ``image_width`` the channels of the
    first (an even number);
    ``mirrored`` allows mirror images in training (no caption may then say left or right).
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


def configuration(settings: Clip, tokenizer: CLIPTokenizer, size: int) -> dict[str, Any]:
    """What open_clip builds the model from (``model_cfg`` of its configuration file)."""
    if size % SHRINKAGE:
        raise TrainingError(
            f"The lab's CLIP needs pictures whose side is a multiple of {SHRINKAGE} pixels, not "
            f"{size}: choose such a size for this world in params.yaml."
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
            "hf_tokenizer_name": "CLIPTokenizer",  # any name: open_clip looks into the folder
            "width": settings.text_width,
            "heads": settings.text_heads,
            "layers": settings.text_layers,
        },
    }


def build(settings: Clip, tokenizer: CLIPTokenizer, size: int) -> CLIP:
    """A fresh model for pictures of ``size``; its first weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return CLIP(**configuration(settings, tokenizer, size))


def tokens_of(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    """Token numbers, cut or filled up to the context length: [n, context]."""
    batch = tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    )
    numbers: Tensor = batch.input_ids
    return numbers


def shorten(caption: str, generator: torch.Generator) -> str:
    """Some neighbouring words of ``caption``, from one to all of them."""
    words = caption.split()
    if not words:
        return caption
    count = int(torch.randint(1, len(words) + 1, (), generator=generator))
    start = int(torch.randint(len(words) - count + 1, (), generator=generator))
    return " ".join(words[start : start + count])


def varied(x: Tensor, generator: torch.Generator, *, mirrored: bool) -> Tensor:
    """Slightly cropped, turned lighter or darker; the hues, which captions name, stay.

    ``x`` is [n, 3, s, s] in [0, 1], and so is the result.
    """
    n = len(x)
    zoom = uniform(1.0, 1.3, n, generator)
    room = 1 - 1 / zoom
    x = warp(
        x,
        zoom=zoom,
        right=room * uniform(-1, 1, n, generator),
        down=room * uniform(-1, 1, n, generator),
        mirrored=(torch.rand(n, generator=generator) < 0.5) & mirrored,
    )
    brightness = uniform(-0.06, 0.06, n, generator)
    return colour(x, brightness=brightness, contrast=uniform(0.85, 1.15, n, generator))


def normalise(x: Tensor) -> Tensor:
    """Pictures [n, 3, s, s] in [0, 1] as the model takes them."""
    mean, std = x.new_tensor(OPENAI_DATASET_MEAN), x.new_tensor(OPENAI_DATASET_STD)
    return (x - mean[:, None, None]) / std[:, None, None]


def says_less(shown: Tensor, full: Tensor, vocabulary: int) -> Tensor:
    """Whether all tokens of a text are in a caption: [n, context] and [m, context] to [n, m]."""
    ones = torch.ones((), device=shown.device)
    has = [
        torch.zeros(len(t), vocabulary, device=t.device).scatter_(1, t, ones.expand_as(t))
        for t in (shown, full)
    ]
    return has[0] @ (1 - has[1]).T == 0


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor, excused: Tensor) -> Tensor:
    """Symmetric InfoNCE; the embeddings are [n, d], of unit length, row by row a pair.

    ``excused`` [n, n] (picture, text) marks pairs that are no counterexamples.
    """
    pairs = torch.eye(len(images), dtype=torch.bool, device=images.device)
    logits = (scale * images @ texts.T).masked_fill(excused & ~pairs, -torch.inf)
    own = torch.arange(len(images), device=images.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def train(
    pictures: Tensor,
    captions: Sequence[str],
    tokenizer: CLIPTokenizer,
    settings: Clip,
    *,
    data_key: str,
    scratch: Path,
    log: Path,
) -> CLIP:
    """CLIP trained on ``pictures`` (uint8 [n, 3, s, s]) and the caption of each.

    Its weights are rounded to the half precision in which they are saved.
    """
    model = build(settings, tokenizer, pictures.shape[-1]).to(device())
    batch = min(settings.batch, len(pictures))

    def loss(step: int, generator: torch.Generator) -> Mapping[str, Tensor]:
        chosen = torch.randperm(len(pictures), generator=generator)[:batch]
        x = varied(
            pictures[chosen].to(device()).float() / 255, generator, mirrored=settings.mirrored
        )
        full = [captions[i] for i in chosen.tolist()]
        short = (torch.rand(batch, generator=generator) < settings.shortened).tolist()
        shown = [shorten(t, generator) if s else t for t, s in zip(full, short, strict=True)]
        text, whole = (tokens_of(tokenizer, t).to(device()) for t in (shown, full))
        total = contrastive_loss(
            model.encode_image(normalise(x), normalize=True),
            model.encode_text(text, normalize=True),
            model.logit_scale.exp().clamp(max=100),
            says_less(text, whole, len(tokenizer)).T,
        )
        return {"loss": total, "scale": model.logit_scale.detach().exp()}

    schedule = Schedule(
        settings.steps,
        settings.learning_rate,
        settings.seed,
        warmup=min(100, settings.steps // 10),
        weight_decay=settings.weight_decay,
    )
    fit("clip", model, loss, schedule, data_key=data_key, scratch=scratch, log=log)
    model.load_state_dict(half_precision(model))
    return model


def save(model: CLIP, tokenizer: CLIPTokenizer, settings: Clip, folder: Path) -> None:
    """Write the folder that plain open_clip loads as ``local-dir:FOLDER``, offline.

    The weights are in half precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, folder)
    with replace_whole(folder / WEIGHTS) as temporary:
        save_file(half_precision(model), temporary, metadata={"format": "pt"})
    size = model.visual.image_size
    config = {
        "model_cfg": configuration(settings, tokenizer, size),
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
            "sha256": sha256_file(folder / WEIGHTS),
        },
    }
    write_whole(folder / CONFIG, json.dumps(config, indent=2) + "\n")


@dataclass(frozen=True)
class Recall:
    """Text→image recall@1 over ``draws`` random sets of ``among`` pictures: mean and extremes."""

    mean: float
    lowest: float
    highest: float
    among: int
    draws: int


def recall_of(
    likeness: Tensor, captions: Sequence[str], *, among: int, draws: int, seed: int
) -> Recall:
    """How often a caption's likest picture is its own, among pictures with distinct captions.

    ``likeness`` is [n, n] (caption, picture). Raises PictureError where there are too few captions.
    """
    distinct = len(set(captions))
    if distinct < among:
        raise PictureError(
            f"Recall among {among} pictures needs as many different captions, but these "
            f"{len(captions)} pictures have {distinct}: measure among fewer, or on more pictures."
        )
    found = []
    for draw in range(draws):
        order = torch.randperm(len(captions), generator=generator_of("clip recall", seed, draw))
        one_each = {captions[i]: i for i in order.tolist()}
        chosen = torch.tensor(list(one_each.values())[:among])
        likest = likeness[chosen][:, chosen].argmax(1)
        found.append((likest == torch.arange(among)).double().mean().item())
    return Recall(sum(found) / draws, min(found), max(found), among, draws)


def recall(
    clip: ClipScore,
    pictures: Tensor,
    captions: Sequence[str],
    *,
    among: int = 64,
    draws: int = 100,
    seed: int = 1,
) -> Recall:
    """Text→image recall@1 of ``clip`` on ``pictures`` (uint8 [n, 3, s, s]) with their captions."""
    likeness = cosines(clip.embed_texts(captions), clip.embed_images(pictures))
    return recall_of(likeness, captions, among=among, draws=draws, seed=seed)
