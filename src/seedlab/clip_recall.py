"""Measure the text-to-image recall of a CLIP model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seedlab.training import make_generator
from seedwitness.errors import PictureError
from seedwitness.metrics.clip_score import ClipScore, compute_cosines


@dataclass(frozen=True)
class RecallResult:
    """Text-to-image recall@1 over ``draws`` random sets of ``among`` pictures: mean and range."""

    mean: float
    lowest: float
    highest: float
    among: int
    draws: int


def compute_recall(
    similarity: Tensor, captions: Sequence[str], *, among: int, draws: int, seed: int
) -> RecallResult:
    """Share of captions whose most similar picture is their own, among distinct captions.

    ``similarity`` is [n, n] (caption, picture). Raises PictureError where there are fewer than
    ``among`` different captions.
    """
    distinct = len(set(captions))
    if distinct < among:
        raise PictureError(
            f"Recall among {among} pictures needs as many different captions, but these "
            f"{len(captions)} pictures have {distinct}. Measure among fewer pictures, or add some."
        )
    recalls = []
    for draw in range(draws):
        order = torch.randperm(len(captions), generator=make_generator("clip recall", seed, draw))
        index_by_caption = {captions[i]: i for i in order.tolist()}
        chosen = torch.tensor(list(index_by_caption.values())[:among])
        nearest = similarity[chosen][:, chosen].argmax(1)
        recalls.append((nearest == torch.arange(among)).double().mean().item())
    return RecallResult(sum(recalls) / draws, min(recalls), max(recalls), among, draws)


def measure_recall(
    clip: ClipScore,
    pictures: Tensor,
    captions: Sequence[str],
    *,
    among: int = 64,
    draws: int = 100,
    seed: int = 1,
) -> RecallResult:
    """Text-to-image recall@1 of ``clip`` on ``pictures``, uint8 [n, 3, s, s], and ``captions``."""
    similarity = compute_cosines(clip.embed_texts(captions), clip.embed_images(pictures))
    return compute_recall(similarity, captions, among=among, draws=draws, seed=seed)
