"""Measure recall@1 of an image index on known items: degraded copies of pictures that it holds."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from seedwitness.corpus.embeddings import Vectors

MAX_KNOWN_ITEMS = 1000
SCALE, QUALITY = 0.75, 75
METHOD = (
    f"pictures of the corpus itself, evenly spaced, at most {MAX_KNOWN_ITEMS}: each scaled to "
    f"{SCALE:g} of its sides, saved as JPEG of quality {QUALITY} and embedded anew; found where "
    "the nearest image of the index has the pixels of the original"
)


def select_known_items(count: int, limit: int = MAX_KNOWN_ITEMS) -> range:
    """Select at most ``limit`` of ``count`` rows, evenly spaced, beginning with the first."""
    return range(0, count, -(-count // limit) or 1)


def degrade_image(image: Image.Image) -> Image.Image:
    """Degrade a picture as republishing does: scale it down and compress it as JPEG."""
    size = (max(1, round(image.width * SCALE)), max(1, round(image.height * SCALE)))
    buffer = BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=QUALITY)
    return Image.open(buffer).convert("RGB")


def measure_recall_at_1(
    index: Any, vectors: Vectors, rows: range, pixel_hashes: list[str]
) -> float:
    """Measure the share of ``vectors`` whose nearest row of ``index`` has the right pixels.

    ``vectors`` [n, d] are degraded copies of ``rows``; ``pixel_hashes`` has the hash of every row
    of the index. Of several rows with equal pixels each counts as right.
    """
    _, nearest_rows = index.search(vectors, 1)  # [n, 1]
    is_hit = [
        pixel_hashes[row] == pixel_hashes[hit]
        for row, hit in zip(rows, nearest_rows[:, 0].tolist(), strict=True)
    ]
    return float(np.mean(is_hit))
