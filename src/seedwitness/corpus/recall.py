"""Measure recall of an image index on known items: degraded copies of pictures that it holds."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedwitness.corpus.embeddings import Vectors

MAX_KNOWN_ITEMS = 1000
SCALE, QUALITY = 0.75, 75
METHOD = (
    f"pictures of the corpus itself, evenly spaced, at most {MAX_KNOWN_ITEMS}: each scaled to "
    f"{SCALE:g} of its sides, saved as JPEG of quality {QUALITY} and embedded anew; found where "
    "the nearest image of the index has the pixels of the original"
)
GIVEN_COSINE = 0.9
GIVEN_METHOD = (
    f"embeddings of the corpus itself, evenly spaced, at most {MAX_KNOWN_ITEMS}: each turned by "
    f"noise to a cosine of {GIVEN_COSINE:g}, because the corpus has no pictures; found where the "
    "nearest row of the index has the original embedding"
)
EXACT_QUERIES = 100
"""Known items whose ten nearest rows are compared with those of an exact search."""


def find_stride(count: int, limit: int = MAX_KNOWN_ITEMS) -> int:
    """The least power of two by which at most ``limit`` of ``count`` rows are selected."""
    stride = 1
    while -(-count // stride) > limit:
        stride *= 2
    return stride


def select_known_items(count: int, limit: int = MAX_KNOWN_ITEMS) -> range:
    """Select at most ``limit`` of ``count`` rows, evenly spaced, beginning with the first."""
    return range(0, count, find_stride(count, limit))


def is_known_item(row: int) -> bool:
    """Whether a row may be selected, whatever the number of rows after it."""
    return row % find_stride(row + 1) == 0


def degrade_image(image: Image.Image) -> Image.Image:
    """Degrade a picture as republishing does: scale it down and compress it as JPEG."""
    size = (max(1, round(image.width * SCALE)), max(1, round(image.height * SCALE)))
    buffer = BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=QUALITY)
    return Image.open(buffer).convert("RGB")


def blur_vector(vector: Vectors, seed: int, cosine: float = GIVEN_COSINE) -> Vectors:
    """Turn a vector of unit length in a random direction, to a cosine with itself: [d]."""
    noise = np.random.default_rng(seed).normal(size=len(vector))
    noise -= (noise @ vector) * vector
    length = np.linalg.norm(noise)
    if length == 0:  # of one dimension there is no other direction
        return vector
    turned: Vectors = cosine * vector + np.sqrt(1 - cosine**2) * noise / length
    return turned.astype(np.float32)


def measure_recall_at_1(
    index: Any, vectors: Vectors, rows: range | list[int], pixel_hashes: list[str]
) -> float:
    """Measure the share of ``vectors`` whose nearest row of ``index`` has the right pixels.

    ``vectors`` [n, d] are degraded copies of ``rows``; ``pixel_hashes`` has the hash of every row
    of the index, which is empty for a row without picture. Of several rows with equal pixels, or
    without pictures with equal vectors, each counts as right.
    """
    _, nearest_rows = index.search(vectors, 1)  # [n, 1]
    is_hit = [
        pixel_hashes[row] == pixel_hashes[hit]
        if pixel_hashes[row]
        else bool(np.array_equal(index.reconstruct(row), index.reconstruct(hit)))
        for row, hit in zip(rows, nearest_rows[:, 0].tolist(), strict=True)
    ]
    return float(np.mean(is_hit))


def measure_recall_at_10(index: Any, vectors: Any, queries: Vectors, chunk: int = 100_000) -> float:
    """Measure the share of the ten nearest of ``vectors`` [n, d] that ``index`` finds.

    ``queries`` [m, d] are compared with all vectors, ``chunk`` rows at a time.
    """
    best = np.zeros((len(queries), 0), np.float32)
    rows = np.zeros((len(queries), 0), np.int64)
    for start in range(0, len(vectors), chunk):
        cosines = queries @ vectors[start : start + chunk].astype(np.float32).T  # [m, chunk]
        best = np.concatenate([best, cosines], axis=1)
        numbers = np.arange(start, start + cosines.shape[1])
        rows = np.concatenate([rows, np.broadcast_to(numbers, cosines.shape)], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :10]
        best, rows = np.take_along_axis(best, order, 1), np.take_along_axis(rows, order, 1)
    _, found = index.search(queries, 10)
    return _compare_rows(found, rows)


def _compare_rows(found: NDArray[np.int64], exact: NDArray[np.int64]) -> float:
    shares = [
        len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), exact.tolist(), strict=True)
    ]
    return float(np.mean(shares))
