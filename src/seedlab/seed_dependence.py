"""Measure whether a checkpoint's outputs depend on their seed: their spread over seeds.

Where they do not, no seed can be found from an output, and one trial is as good as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seedlab.augmentation import augment_copy
from seedwitness.metrics.lpips_distance import LpipsDistance, score_pairs
from seedwitness.statistics.rates import estimate_rate

SEEDS = 8
"""Outputs of a caption that are compared, pair by pair."""
LINE = 0.95
"""The share of augmented copies of a drawing that lie below the line."""


def measure_seed_dependence(
    lpips: LpipsDistance, outputs: Mapping[str, Tensor], drawings: Sequence[Image.Image]
) -> dict[str, Any]:
    """The share of captions whose outputs depend on their seed, and the line that decides.

    ``outputs`` are uint8 [seeds, 3, h, w] by caption. They depend on their seed where the median
    LPIPS between two of the first ``SEEDS`` is above the line: the ``LINE`` quantile of LPIPS
    between a drawing and a slightly augmented copy of it.
    """
    copies = [augment_copy(image, f"copy {number}", 1) for number, image in enumerate(drawings)]
    line = float(score_pairs(lpips, _stack(drawings), _stack(copies)).quantile(LINE))
    medians = [_median_distance(lpips, pixels[:SEEDS]) for pixels in outputs.values()]
    rate = estimate_rate(sum(median > line for median in medians), len(medians))
    return {
        "line": line,
        "copies": len(copies),
        "median": float(np.median(medians)),
        "captions": rate.model_dump(include={"hits", "n", "low", "high"}),
    }


def _median_distance(lpips: LpipsDistance, pixels: Tensor) -> float:
    first, second = zip(*combinations(range(len(pixels)), 2), strict=True)
    return float(score_pairs(lpips, pixels[list(first)], pixels[list(second)]).median())


def _stack(images: Sequence[Image.Image]) -> Tensor:
    return torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images])
