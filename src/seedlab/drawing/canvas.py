"""The sheet that a hand works on: Pillow's integer drawing at four times the picture's size."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seedlab.drawing.geometry import Point, Shape
from seedlab.drawing.palettes import Colour, Palette, shaded

Pixels = NDArray[np.uint8]


def colour_of(shape: Shape, palette: Palette) -> Colour:
    """Colour of a shape in a palette, shaded."""
    return shaded(palette[shape.role], shape.shade)


def at(points: Iterable[Point], side: int) -> list[tuple[int, int]]:
    """Points of the unit square in whole pixels, so that no platform rounds them otherwise."""
    return [(round(x * side), round(y * side)) for x, y in points]


def paint(draw: ImageDraw.ImageDraw, shape: Shape, fill: Colour, side: int) -> None:
    """Fill a polygon, or draw a stroke with round ends."""
    points = at(shape.points, side)
    if not shape.width:
        draw.polygon(points, fill=fill)
        return
    width = max(2, round(shape.width * side))
    draw.line(points, fill=fill, width=width, joint="curve")
    r = width // 2
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def flat(shapes: Iterable[Shape], palette: Palette, side: int) -> Image.Image:
    """The plain picture: every shape in its flat colour, back to front."""
    image = Image.new("RGB", (side, side), palette["sky"])
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        paint(draw, shape, colour_of(shape, palette), side)
    return image


def silhouette(shapes: Iterable[Shape], side: int) -> Image.Image:
    """Mask (mode L, 0 or 255) of what the shapes cover."""
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    for shape in shapes:
        paint(draw, shape, 255, side)  # type: ignore[arg-type]
    return mask


def around(mask: Image.Image, margin: int) -> tuple[int, int, int, int]:
    """Box of what a mask covers and ``margin`` pixels more, within it; a corner where it is empty.

    What is filtered inside, with a margin that the filter does not reach over, comes out as on the
    whole sheet.
    """
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    return (
        max(left - margin, 0),
        max(top - margin, 0),
        max(min(right + margin, mask.width), 1),
        max(min(bottom + margin, mask.height), 1),
    )


def grain(rng: Random, side: int, cell: int) -> Image.Image:
    """Smooth random field (mode L): noise on a grid of ``cell`` pixels, interpolated."""
    n = side // cell + 2
    noise = np.frombuffer(rng.randbytes(n * n), np.uint8).reshape(n, n)
    big = Image.fromarray(noise, "L").resize((n * cell, n * cell), Image.Resampling.BICUBIC)
    return big.crop((0, 0, side, side))


def mottled(image: Image.Image, rng: Random, cell: int, strength: int) -> Image.Image:
    """Image with its lightness moved by a smooth random field of up to ``strength`` levels."""
    field = np.asarray(grain(rng, image.width, cell), np.int16) - 128
    pixels = np.asarray(image, np.int16) + (field * strength // 128)[:, :, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")
