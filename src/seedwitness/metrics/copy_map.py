"""Where a picture agrees with a target: tile by tile in pixels, window by window by descriptor.

A copy of a template reproduces the background and changes the face: one score for the whole picture
does not say so.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

TILES = 16
"""A side, for agreement in pixels."""
WINDOWS = 5
"""A side, each half as wide and as high as the picture, for agreement by descriptor."""
CLOSE = 0.15
"""Root-mean-square difference up to which a tile agrees: what Carlini et al. ask of their tiles."""
PALE = 0.12
"""What is left of a picture's contrast where it does not agree."""

Against = Callable[[Tensor, Tensor], Tensor]


def tiles(picture: Tensor, target: Tensor, count: int = TILES) -> Tensor:
    """Root-mean-square difference in each of ``count`` × ``count`` tiles: [count, count] in [0, 1].

    Both are uint8 [3, height, width] with sides of at least ``count`` pixels; where ``count`` does
    not divide a side, tiles overlap by a pixel.
    """
    squared = ((picture.float() - target.float()) / 255).square().mean(0, keepdim=True)
    means = adaptive_avg_pool2d(squared[None], count)
    return means[0, 0].sqrt()


def windows(against: Against, picture: Tensor, target: Tensor, count: int = WINDOWS) -> Tensor:
    """Cosine by a descriptor of each window with the target's window at the same place.

    [count, count] in [−1, 1]; ``against`` is a metric's, of pictures with one target.
    """
    height, width = picture.shape[-2:]
    rows = [round(k * (height - height // 2) / (count - 1)) for k in range(count)]
    columns = [round(k * (width - width // 2) / (count - 1)) for k in range(count)]
    found = torch.empty(count, count)
    for y, top in enumerate(rows):
        for x, left in enumerate(columns):
            place = (..., slice(top, top + height // 2), slice(left, left + width // 2))
            found[y, x] = against(picture[place][None], target[place])[0]
    return found


def spread(found: Tensor, height: int, width: int) -> Tensor:
    """Scores of ``windows`` as a map [height, width]: for each pixel the mean of what covers it."""
    count = len(found)
    total, covered = torch.zeros(height, width), torch.zeros(height, width)
    for y in range(count):
        top = round(y * (height - height // 2) / (count - 1))
        for x in range(count):
            left = round(x * (width - width // 2) / (count - 1))
            place = (slice(top, top + height // 2), slice(left, left + width // 2))
            total[place] += found[y, x]
            covered[place] += 1
    return total / covered.clamp(min=1)


def shown(picture: Tensor, agreement: Tensor) -> Tensor:
    """``picture`` (uint8 [3, h, w]) as it is where ``agreement`` is 1, and paled where it is 0.

    ``agreement`` is [rows, columns] in [0, 1], of any size.
    """
    height, width = picture.shape[-2:]
    alpha = interpolate(agreement.float().clamp(0, 1)[None, None], (height, width))[0]
    alpha = PALE + (1 - PALE) * alpha
    return (255 - alpha * (255 - picture.float())).round().to(torch.uint8)
