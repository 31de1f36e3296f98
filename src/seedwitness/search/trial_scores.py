"""Scores the final latents of trials: decoded, and held beside a target by every metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from seedwitness.engine.latent_cache import Made
from seedwitness.engine.sampling import decode_latents
from seedwitness.imaging.alignment import Positions
from seedwitness.metrics.scoring import Metric, rows
from seedwitness.records import Recipe

Part = tuple[list[str], list[str], Tensor]
"""Ids of trials, their prompts, and their final latents [n, c, h, w]."""


def scored(
    pipeline: Any,
    parts: Iterable[Part],
    picture: Image.Image,
    metrics: Mapping[str, Metric],
    positions: Positions,
) -> list[dict[str, Any]]:
    """One row of ``records.SCORES`` for every trial of ``parts`` and every metric."""
    found: list[dict[str, Any]] = []
    for names, prompts, latents in parts:
        pictures = decode_latents(pipeline, latents.to(pipeline.device))
        ways = positions.of(picture, pictures.shape[-1], pictures.shape[-2])
        found += rows(metrics, names, pictures, prompts, ways)
    return found


def parts(recipes: Sequence[Recipe], made: Mapping[str, Made], batch: int) -> Iterator[Part]:
    """What a search has made of ``recipes``, of one size, ``batch`` at a time."""
    for start in range(0, len(recipes), batch):
        some = recipes[start : start + batch]
        names, prompts = [each.id for each in some], [each.prompt for each in some]
        yield names, prompts, torch.stack([made[name].latent for name in names])
