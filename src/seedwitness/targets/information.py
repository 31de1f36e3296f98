"""Measure the information content of a picture, and whether it suffices to recognise it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from seedwitness.records.target import InformationContent

MAX_MEASURED_SIDE = 128
"""Longer side, in pixels, at which a picture is measured, so that one limit fits all sizes."""
MIN_COUNTED_PIXELS = 32 * 32
"""Lower bound of the pixel count in bits per pixel: two different pixels are not a picture."""
TILE_SIDE = 8
MIN_BUSY_DEVIATION = 2.0


def measure_information(image: Image.Image) -> InformationContent:
    """Measure the information content of an RGB picture at a longer side of at most 128 pixels.

    A larger picture is first scaled down by box means: bits per pixel fall with the size (forty
    discs cost 0.12 at 512 × 512), and a photograph of forty million pixels is flat in most of its
    tiles. The bytes of a picture of a single colour are subtracted.
    """
    small = image.copy()
    if max(small.size) > MAX_MEASURED_SIDE:
        small.thumbnail((MAX_MEASURED_SIDE, MAX_MEASURED_SIDE), Image.Resampling.BOX)
    levels = np.asarray(small.convert("L"), np.float64)
    single_colour = Image.new("RGB", small.size, small.getpixel((0, 0)))
    extra_bytes = max(0, count_lossless_bytes(small) - count_lossless_bytes(single_colour))
    return InformationContent(
        bits_per_pixel=8 * extra_bytes / max(small.width * small.height, MIN_COUNTED_PIXELS),
        deviation=float(levels.std() / 255),
        busy_tiles=float((compute_tile_deviations(levels) > MIN_BUSY_DEVIATION).mean()),
        patch_contrast=compute_patch_contrast(np.asarray(small, np.float64)),
    )


def compute_patch_contrast(pixels: np.ndarray) -> float:
    """Compute the patch-L2 between a picture [height, width, 3] in [0, 255] and its mean colour.

    The largest root mean square among 4 × 4 tiles, in [0, 1] (Carlini et al., USENIX Security
    2023). By any threshold of at least this value, a single-colour picture counts as a copy.
    """
    squares = ((pixels - pixels.mean((0, 1))) ** 2).mean(-1)
    tiles = [
        tile for band in np.array_split(squares, 4) for tile in np.array_split(band, 4, axis=1)
    ]
    return float(max(tile.mean() for tile in tiles if tile.size) ** 0.5 / 255)


def count_lossless_bytes(image: Image.Image) -> int:
    """Count the bytes of an RGB picture as lossless WebP or as PNG, whichever is smaller."""
    sizes = []
    for image_format, options in (("PNG", {"compress_level": 9}), ("WEBP", {"lossless": True})):
        buffer = BytesIO()
        image.save(buffer, image_format, **options)
        sizes.append(buffer.tell())
    return min(sizes)


def compute_tile_deviations(levels: np.ndarray) -> np.ndarray:
    """Compute the standard deviation of grey levels [height, width] in each tile of 8 × 8 pixels.

    Tiles at the edges may be smaller. Returns [⌈height / 8⌉, ⌈width / 8⌉].
    """
    sums = _sum_tiles(levels)
    squares = _sum_tiles(levels**2)
    counts = _sum_tiles(np.ones_like(levels))
    variances = np.maximum(squares / counts - (sums / counts) ** 2, 0)
    return np.asarray(np.sqrt(variances))


def _sum_tiles(values: np.ndarray) -> np.ndarray:
    rows = np.add.reduceat(values, range(0, values.shape[0], TILE_SIDE), axis=0)
    return np.asarray(np.add.reduceat(rows, range(0, values.shape[1], TILE_SIDE), axis=1))
