"""Compute patch-L2 (Carlini et al., USENIX Security 2023): the largest distance of two tiles.

Lower is closer, in [0, 1]. Carlini et al. call distances of at most 0.15 copies. Both pictures are
cut into the same tiles and the worst tile counts, so a shared background does not make a copy.
Nearly empty pictures are close to everything: measure a target's information first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.errors import PictureError
from seedwitness.metrics import NO_WEIGHTS, MetricInfo

TILE_COUNT = 4  # per side: 16 tiles of 128 × 128 for the paper's 512 × 512 pictures

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


def patch_l2(first: Tensor, second: Tensor, tile_count: int = TILE_COUNT) -> Tensor:
    """Compute the largest root-mean-square difference among the tiles of pictures in [0, 1].

    Both are [..., 3, height, width] with sides divisible by ``tile_count``; the leading dimensions
    broadcast and are those of the result. Raises PictureError for other sizes.
    """
    height, width = first.shape[-2:]
    if first.shape[-3:] != second.shape[-3:] or height % tile_count or width % tile_count:
        raise PictureError(
            f"Patch-L2 needs pictures of one size with sides divisible by {tile_count}, not "
            f"{tuple(first.shape[-2:])} with {tuple(second.shape[-2:])} (height, width). Resize "
            "both to the size that the checkpoint generates."
        )
    squares = (first - second).square()
    squares = squares.unflatten(-1, (tile_count, width // tile_count)).unflatten(
        -3, (tile_count, height // tile_count)
    )
    largest: Tensor = squares.mean((-5, -3, -1)).sqrt().amax((-2, -1))  # of [..., tiles, tiles]
    return largest


def score_pairs(pictures: Tensor, references: Tensor, batch_size: int = 256) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to patch-L2 [n]."""
    batches = zip(pictures.split(batch_size), references.split(batch_size), strict=True)
    return torch.cat(
        [patch_l2(first.float() / 255, second.float() / 255) for first, second in batches]
    )
