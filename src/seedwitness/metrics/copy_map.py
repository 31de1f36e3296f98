"""Map where a picture agrees with a target: tiles by pixels, windows by descriptor.

A copy of a template reproduces the background and changes the face; a single score for the whole
picture does not show that.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

TILE_COUNT = 16
"""Tiles per side, for agreement in pixels."""
WINDOW_COUNT = 5
"""Windows per side, each half as wide and as high as the picture, for agreement by descriptor."""
MAX_TILE_DIFFERENCE = 0.15
"""Largest root-mean-square difference at which a tile agrees: the threshold of Carlini et al."""
FADED_CONTRAST = 0.12
"""Share of a picture's contrast that remains where it does not agree."""

ScoreFunction = Callable[[Tensor, Tensor], Tensor]


def compute_tile_differences(
    picture: Tensor, target: Tensor, tile_count: int = TILE_COUNT
) -> Tensor:
    """Compute the root-mean-square difference in each tile: [tile_count, tile_count] in [0, 1].

    Both pictures are uint8 [3, height, width] with sides of at least ``tile_count`` pixels; if
    ``tile_count`` does not divide a side, tiles overlap by one pixel.
    """
    squares = ((picture.float() - target.float()) / 255).square().mean(0, keepdim=True)
    means = adaptive_avg_pool2d(squares[None], tile_count)
    return means[0, 0].sqrt()


def score_windows(
    score: ScoreFunction, picture: Tensor, target: Tensor, window_count: int = WINDOW_COUNT
) -> Tensor:
    """Score each window against the target's window at the same position, by a descriptor.

    Returns cosines [window_count, window_count] in [−1, 1]; ``score`` is ``Metric.score``.
    """
    height, width = picture.shape[-2:]
    rows = [round(k * (height - height // 2) / (window_count - 1)) for k in range(window_count)]
    columns = [round(k * (width - width // 2) / (window_count - 1)) for k in range(window_count)]
    window_scores = torch.empty(window_count, window_count)
    for y, top in enumerate(rows):
        for x, left in enumerate(columns):
            window = (..., slice(top, top + height // 2), slice(left, left + width // 2))
            window_scores[y, x] = score(picture[window][None], target[window])[0]
    return window_scores


def spread_window_scores(window_scores: Tensor, height: int, width: int) -> Tensor:
    """Spread window scores to a map [height, width]: per pixel the mean of the windows on it."""
    window_count = len(window_scores)
    total, coverage = torch.zeros(height, width), torch.zeros(height, width)
    for y in range(window_count):
        top = round(y * (height - height // 2) / (window_count - 1))
        for x in range(window_count):
            left = round(x * (width - width // 2) / (window_count - 1))
            window = (slice(top, top + height // 2), slice(left, left + width // 2))
            total[window] += window_scores[y, x]
            coverage[window] += 1
    return total / coverage.clamp(min=1)


def fade_disagreement(picture: Tensor, agreement: Tensor) -> Tensor:
    """Fade ``picture`` (uint8 [3, h, w]) towards white where ``agreement`` falls from 1 to 0.

    ``agreement`` is [rows, columns] in [0, 1], of any size.
    """
    height, width = picture.shape[-2:]
    alpha = interpolate(agreement.float().clamp(0, 1)[None, None], (height, width))[0]
    alpha = FADED_CONTRAST + (1 - FADED_CONTRAST) * alpha
    return (255 - alpha * (255 - picture.float())).round().to(torch.uint8)
