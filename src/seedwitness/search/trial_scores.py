"""Decodes the final latents of trials and scores them against a target by every metric."""

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

LatentBatch = tuple[list[str], Tensor]
"""Ids of trials, and their final latents [n, c, h, w]."""


def score_latents(
    pipeline: Any,
    batches: Iterable[LatentBatch],
    prompts: Mapping[str, str],
    picture: Image.Image,
    metrics: Mapping[str, Metric],
    positions: AlignmentSpec,
) -> list[dict[str, Any]]:
    """One row of ``records.SCORES`` for every trial of ``batches`` and every metric.

    ``prompts`` are those of the trials, by id.
    """
    rows: list[dict[str, Any]] = []
    for names, latents in batches:
        pictures = decode_latents(pipeline, latents.to(pipeline.device))
        alignments = positions.make_alignments(picture, pictures.shape[-1], pictures.shape[-2])
        rows += score_trials(
            metrics, names, pictures, [prompts[name] for name in names], alignments
        )
    return rows


def batch_samples(
    recipes: Sequence[Recipe], samples: Mapping[str, Sample], batch: int
) -> Iterator[LatentBatch]:
    """The samples of ``recipes``, which have one size, ``batch`` at a time."""
    for start in range(0, len(recipes), batch):
        names = [recipe.id for recipe in recipes[start : start + batch]]
        yield names, torch.stack([samples[name].latent for name in names])
