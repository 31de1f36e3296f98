"""How much there is in a picture to recognise it by, and whether that is enough."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from seedwitness.config.steps import PrepareSettings
from seedwitness.records.target import InformationContent

LONGEST = 128
"""Pixels of the longer side at which a picture is measured, so that one limit serves all sizes."""
LEAST = 32 * 32
"""Pixels that a picture is counted to have at least: two of them are no picture, however unlike."""
TILE = 8
BUSY = 2.0


def measure(image: Image.Image) -> InformationContent:
    """Information of an RGB picture, measured at no more than 128 pixels of its longer side.

    A larger picture is scaled down by means over boxes first: bits a pixel fall with the size
    (forty discs cost 0.12 at 512 × 512), and a photograph of forty million pixels is flat in most
    of its tiles. What a single colour costs is not counted.
    """
    small = image.copy()
    if max(small.size) > LONGEST:
        small.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    levels = np.asarray(small.convert("L"), np.float64)
    plain = Image.new("RGB", small.size, small.getpixel((0, 0)))
    spent = max(0, lossless_bytes(small) - lossless_bytes(plain))
    return InformationContent(
        bits_per_pixel=8 * spent / max(small.width * small.height, LEAST),
        deviation=float(levels.std() / 255),
        busy_tiles=float((tile_deviations(levels) > BUSY).mean()),
        patch_contrast=patch_contrast(np.asarray(small, np.float64)),
    )


def too_flat(information: InformationContent, limits: PrepareSettings) -> list[str]:
    """Why nothing can be concluded of a picture with so little in it; empty where it has enough."""
    reasons = []
    if information.bits_per_pixel < limits.min_bits_per_pixel:
        reasons.append(
            f"its lossless coding takes {information.bits_per_pixel:.3f} bits a pixel more than "
            f"a single colour, below the {limits.min_bits_per_pixel:g} asked for"
        )
    if information.deviation < limits.min_deviation:
        reasons.append(
            f"its grey levels deviate by {information.deviation:.3f} of the range from black to "
            f"white, below the {limits.min_deviation:g} asked for"
        )
    if information.busy_tiles < limits.min_busy_tiles:
        reasons.append(
            f"{information.busy_tiles:.1%} of its tiles of 8 × 8 pixels have any structure, below "
            f"the {limits.min_busy_tiles:.1%} asked for"
        )
    return reasons


def patch_contrast(pixels: np.ndarray) -> float:
    """Patch-L2 of a picture [height, width, 3] in levels of 255 and a sheet of its mean colour.

    The largest root mean square among 4 × 4 tiles (Carlini et al., USENIX Security 2023). A sheet
    of one colour is a copy of the picture by any threshold that is no smaller.
    """
    squared = ((pixels - pixels.mean((0, 1))) ** 2).mean(-1)
    rows = [tile for band in np.array_split(squared, 4) for tile in np.array_split(band, 4, axis=1)]
    return float(max(tile.mean() for tile in rows if tile.size) ** 0.5 / 255)


def lossless_bytes(image: Image.Image) -> int:
    """Bytes of an RGB picture as lossless WebP or as PNG, whichever is less."""
    sizes = []
    for form, options in (("PNG", {"compress_level": 9}), ("WEBP", {"lossless": True})):
        out = BytesIO()
        image.save(out, form, **options)
        sizes.append(out.tell())
    return min(sizes)


def tile_deviations(levels: np.ndarray) -> np.ndarray:
    """Standard deviations of grey levels [height, width] in tiles of 8 × 8, smaller at the edges.

    The result has the shape [⌈height / 8⌉, ⌈width / 8⌉].
    """
    sums = _tile_sums(levels)
    squares = _tile_sums(levels**2)
    counts = _tile_sums(np.ones_like(levels))
    variances = np.maximum(squares / counts - (sums / counts) ** 2, 0)
    return np.asarray(np.sqrt(variances))


def _tile_sums(values: np.ndarray) -> np.ndarray:
    rows = np.add.reduceat(values, range(0, values.shape[0], TILE), axis=0)
    return np.asarray(np.add.reduceat(rows, range(0, values.shape[1], TILE), axis=1))
