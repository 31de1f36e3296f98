"""Drawing functions of the artists: Pillow's integer drawing at four times the picture's size."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seedlab.drawing.geometry import Point, Shape
from seedlab.drawing.palettes import Colour, Palette, shade_colour

Pixels = NDArray[np.uint8]


def shape_colour(shape: Shape, palette: Palette) -> Colour:
    """Colour of a shape in a palette, with its shade."""
    return shade_colour(palette[shape.role], shape.shade)


def to_pixels(points: Iterable[Point], side: int) -> list[tuple[int, int]]:
    """Points of the unit square in whole pixels, so that all platforms round them equally."""
    return [(round(x * side), round(y * side)) for x, y in points]


def paint(draw: ImageDraw.ImageDraw, shape: Shape, fill: Colour, side: int) -> None:
    """Fill a polygon, or draw a stroke with round ends."""
    points = to_pixels(shape.points, side)
    if not shape.width:
        draw.polygon(points, fill=fill)
        return
    width = max(2, round(shape.width * side))
    draw.line(points, fill=fill, width=width, joint="curve")
    r = width // 2
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def paint_shapes(shapes: Iterable[Shape], palette: Palette, side: int) -> Image.Image:
    """An image of all shapes in flat colours, back to front."""
    image = Image.new("RGB", (side, side), palette["sky"])
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        paint(draw, shape, shape_colour(shape, palette), side)
    return image


def silhouette(shapes: Iterable[Shape], side: int) -> Image.Image:
    """Mask (mode L, 0 or 255) of the area that the shapes cover."""
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    for shape in shapes:
        paint(draw, shape, 255, side)  # type: ignore[arg-type]
    return mask


def mask_box(mask: Image.Image, margin: int) -> tuple[int, int, int, int]:
    """Bounding box of a mask with ``margin`` pixels around, inside of the image.

    The box of an empty mask is one corner. With a margin wider than a filter, filtering the box
    gives the same pixels as filtering the whole image.
    """
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    return (
        max(left - margin, 0),
        max(top - margin, 0),
        max(min(right + margin, mask.width), 1),
        max(min(bottom + margin, mask.height), 1),
    )


def random_field(rng: Random, side: int, cell: int) -> Image.Image:
    """Smooth random field (mode L): random values on a grid of ``cell`` pixels, interpolated."""
    n = side // cell + 2
    noise = np.frombuffer(rng.randbytes(n * n), np.uint8).reshape(n, n)
    big = Image.fromarray(noise, "L").resize((n * cell, n * cell), Image.Resampling.BICUBIC)
    return big.crop((0, 0, side, side))


def mottle(image: Image.Image, rng: Random, cell: int, strength: int) -> Image.Image:
    """Change the lightness of an image by a smooth random field of up to ``strength`` levels."""
    field = np.asarray(random_field(rng, image.width, cell), np.int16) - 128
    pixels = np.asarray(image, np.int16) + (field * strength // 128)[:, :, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")
