"""Recall@1 of an image index on known items: changed copies of pictures that it holds."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from seedwitness.corpus.embeddings import Vectors

MOST = 1000
SCALE, QUALITY = 0.75, 75
WHAT = (
    f"pictures of the corpus itself, evenly spaced, at most {MOST}: each scaled to {SCALE:g} of "
    f"its sides, saved as JPEG of quality {QUALITY} and embedded anew; found where the nearest "
    "image of the index has the pixels of the original"
)


def known_items(count: int, most: int = MOST) -> range:
    """Which of ``count`` rows are asked for: at most ``most``, evenly spaced, from the first on."""
    return range(0, count, -(-count // most) or 1)


def degraded(image: Image.Image) -> Image.Image:
    """A picture as it comes back from elsewhere: smaller, and through JPEG."""
    size = (max(1, round(image.width * SCALE)), max(1, round(image.height * SCALE)))
    file = BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=QUALITY)
    return Image.open(file).convert("RGB")


def recall_at_1(index: Any, vectors: Vectors, rows: range, pixels: list[str]) -> float:
    """Share of ``vectors`` whose nearest row of ``index`` has the pixels that their own row has.

    ``vectors`` [n, d] belong to ``rows``; ``pixels`` holds the hash of every row of the index, so
    that one of two rows with equal pixels is as good as the other.
    """
    _, nearest = index.search(vectors, 1)  # [n, 1]
    found = [
        pixels[row] == pixels[hit] for row, hit in zip(rows, nearest[:, 0].tolist(), strict=True)
    ]
    return float(np.mean(found))
