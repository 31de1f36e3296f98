"""Scores the final latents of trials: decoded, and held beside a target by every metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from seedwitness.engine.latent_cache import Sample
from seedwitness.engine.sampling import decode_latents
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.metrics.scoring import Metric, score_trials
from seedwitness.records.recipe import Recipe

LatentBatch = tuple[list[str], list[str], Tensor]
"""Ids of trials, their prompts, and their final latents [n, c, h, w]."""


def score_latents(
    pipeline: Any,
    parts: Iterable[LatentBatch],
    picture: Image.Image,
    metrics: Mapping[str, Metric],
    positions: AlignmentSpec,
) -> list[dict[str, Any]]:
    """One row of ``records.SCORES`` for every trial of ``parts`` and every metric."""
    found: list[dict[str, Any]] = []
    for names, prompts, latents in parts:
        pictures = decode_latents(pipeline, latents.to(pipeline.device))
        ways = positions.make_alignments(picture, pictures.shape[-1], pictures.shape[-2])
        found += score_trials(metrics, names, pictures, prompts, ways)
    return found


def batch_samples(
    recipes: Sequence[Recipe], made: Mapping[str, Sample], batch: int
) -> Iterator[LatentBatch]:
    """What a search has made of ``recipes``, of one size, ``batch`` at a time."""
    for start in range(0, len(recipes), batch):
        some = recipes[start : start + batch]
        names, prompts = [each.id for each in some], [each.prompt for each in some]
        yield names, prompts, torch.stack([made[name].latent for name in names])
