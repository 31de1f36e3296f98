"""Maps where a trial agrees with the target: images of the agreement, and the copy map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image
from torch import Tensor

from seedwitness.detectors.bright_ending import compute_recipe_mask
from seedwitness.engine.sampling import decode_latents
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.metrics import copy_map
from seedwitness.metrics.scoring import Metric
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.recipe import Recipe

DESCRIPTOR = "descriptor"


@dataclass(frozen=True)
class Agreement:
    """The copy map of one trial, and its images by name: ``pixels``, ``windows``, ``ending``."""

    record: CopyMap
    images: dict[str, Image.Image]


def map_agreement(
    pipeline: Any,
    recipe: Recipe,
    latent: Tensor,
    image: Image.Image,
    metrics: Mapping[str, Metric],
    spec: AlignmentSpec,
    alignment: str,
) -> Agreement:
    """Map where the image of ``latent`` [1, c, h, w] agrees with the target in one alignment.

    The image ``windows`` exists if a descriptor is among ``metrics``, and ``ending`` if the
    checkpoint has cross-attention (Chen et al., ICLR 2025).
    """
    pixels = decode_latents(pipeline, latent.to(pipeline.device), recipe.sampler)[0]
    height, width = pixels.shape[-2:]
    target = spec.make_alignments(image, width, height)[alignment]
    tiles = copy_map.compute_tile_differences(pixels, target)
    maps = {"pixels": (tiles <= copy_map.MAX_TILE_DIFFERENCE).float()}
    windows: list[float] = []
    if DESCRIPTOR in metrics:
        scores = copy_map.score_windows(metrics[DESCRIPTOR].score, pixels, target)
        windows = scores.flatten().tolist()
        maps["windows"] = copy_map.spread_window_scores(scores, height, width)
    ending = compute_recipe_mask(pipeline, recipe)
    if ending is not None:
        maps["ending"] = ending / ending.amax().clamp(min=1e-12)
    record = CopyMap(
        trial=recipe.id,
        alignment=alignment,
        tiles_close=int((tiles <= copy_map.MAX_TILE_DIFFERENCE).sum()),
        tiles=tiles.numel(),
        close=copy_map.MAX_TILE_DIFFERENCE,
        metric=DESCRIPTOR if windows else "",
        label=metrics[DESCRIPTOR].info.label if windows else "",
        windows=windows,
        ending_steps=None if ending is None else recipe.steps,
    )
    return Agreement(record, {name: _draw_map(pixels, values) for name, values in maps.items()})


def _draw_map(pixels: Tensor, agreement: Tensor) -> Image.Image:
    """``pixels`` with the regions of low ``agreement`` faded."""
    faded = copy_map.fade_disagreement(pixels, agreement).permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(faded)
