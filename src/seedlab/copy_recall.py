"""Measure how often a descriptor finds the original of an edited copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from seedlab.distortions import compress_jpeg, crop, draw_uniform, shift_colour
from seedlab.training import make_generator
from seedwitness.metrics.descriptor import compute_cosines

Edit = Callable[[Tensor, torch.Generator], Tensor]


def _colour_shift(x: Tensor, generator: torch.Generator) -> Tensor:
    n = len(x)
    return shift_colour(
        x,
        brightness=draw_uniform(-0.15, 0.15, n, generator),
        contrast=draw_uniform(0.7, 1.3, n, generator),
        saturation=draw_uniform(0.4, 1.6, n, generator),
        cast=torch.stack([draw_uniform(0.75, 1.25, n, generator) for _ in range(3)], 1),
    )


def _crop_to(share: float) -> Edit:
    def crop_to_share(x: Tensor, generator: torch.Generator) -> Tensor:
        n = len(x)
        right, down = draw_uniform(-1, 1, n, generator), draw_uniform(-1, 1, n, generator)
        return crop(x, torch.full((n,), share), right, down)

    return crop_to_share


# The edits that the lab report measures. A crop keeps the named share of the area.
EDITS: dict[str, Edit] = {
    "crop to 80 %": _crop_to(0.8),
    "crop to 65 %": _crop_to(0.65),
    "crop to 50 %": _crop_to(0.5),
    "jpeg 40": lambda x, _: compress_jpeg(x, [40] * len(x)),
    "flip": lambda x, _: x.flip(-1),
    "colour shift": _colour_shift,
}


def measure_copy_recall(
    embed: Callable[[Tensor], Tensor], pictures: Tensor, edits: Mapping[str, Edit] = EDITS
) -> dict[str, float]:
    """Share of edited copies whose nearest picture is their original, for each kind of edit.

    ``embed`` maps uint8 [n, 3, s, s] to descriptors [n, d]. ``pictures`` are both the originals of
    the copies and the set that is searched.
    """
    originals = embed(pictures)
    indices = torch.arange(len(pictures))
    recalls = {}
    for name, edit in edits.items():
        copies = edit(pictures.float() / 255, make_generator("descriptor recall", name))
        embedded = embed((copies * 255).round().to(torch.uint8))
        nearest = compute_cosines(embedded, originals).argmax(1)
        recalls[name] = (nearest == indices).double().mean().item()
    return recalls
