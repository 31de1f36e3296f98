"""Patch-L2 (Carlini et al., USENIX Security 2023): the largest distance between two tiles.

Lower is closer, in [0, 1]. Carlini et al. call copies what is at most 0.15. Both pictures are cut
into the same tiles, and the worst tile counts: so a shared background does not make a copy. Still,
nearly empty pictures are close to everything: measure a target's information first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.errors import PictureError
from seedwitness.metrics import NO_WEIGHTS, MetricInfo

TILES = 4  # a side: 16 tiles of 128 × 128 for the paper's 512 × 512 pictures

INFO = MetricInfo(
    name="patch-l2",
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=False,
    lowest=0.0,
    highest=1.0,
    copy_threshold=0.15,
    source="Carlini et al., USENIX Security 2023",
)


def patch_l2(first: Tensor, second: Tensor, tiles: int = TILES) -> Tensor:
    """Largest root-mean-square difference among the tiles of two pictures in [0, 1].

    Both are [..., 3, height, width], with sides that ``tiles`` divides; the leading dimensions
    broadcast and are the result's.
    """
    height, width = first.shape[-2:]
    if first.shape[-3:] != second.shape[-3:] or height % tiles or width % tiles:
        raise PictureError(
            f"Patch-L2 compares pictures of one size whose sides can be cut in {tiles}, not "
            f"{tuple(first.shape[-2:])} with {tuple(second.shape[-2:])} (height, width): bring "
            "both to the size that the checkpoint generates."
        )
    squared = (first - second).square()
    squared = squared.unflatten(-1, (tiles, width // tiles)).unflatten(-3, (tiles, height // tiles))
    worst: Tensor = squared.mean((-5, -3, -1)).sqrt().amax((-2, -1))  # of [..., tiles, tiles]
    return worst


def scores(pictures: Tensor, references: Tensor, batch: int = 256) -> Tensor:
    """Patch-L2 of each picture with the reference of the same row: two uint8 stacks to [n]."""
    parts = zip(pictures.split(batch), references.split(batch), strict=True)
    return torch.cat([patch_l2(a.float() / 255, b.float() / 255) for a, b in parts])
