"""Cut paper: flat pieces with straight cuts, each with a soft shadow."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw, ImageFilter

from seedlab.drawing.canvas import mask_box, paint, shape_colour, silhouette
from seedlab.drawing.geometry import Shape
from seedlab.drawing.palettes import Palette, shade_colour
from seedlab.drawing.scene import Scene


def _cut_edges(shape: Shape, rng: Random) -> Shape:
    """The shape with straight cuts: every second or third point, slightly displaced."""
    step = 3 if len(shape.points) > 24 else 2 if len(shape.points) > 12 else 1
    snip = 0.006
    points = tuple(
        (x + rng.uniform(-snip, snip), y + rng.uniform(-snip, snip))
        for x, y in shape.points[::step]
    )
    return Shape(points, shape.role, shape.shade, shape.width)


def cut_paper(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Paper collage by Mara Tindholt."""
    image = Image.new("RGB", (side, side), palette["sky"])
    offset = side // 64
    for shape in scene.shapes:
        piece = _cut_edges(shape, rng)
        shadow = silhouette((piece,), side // 4).point([v * 120 // 255 for v in range(256)])
        box = mask_box(shadow, 8 + round(4 * side / 340))
        shadow = shadow.crop(box).filter(ImageFilter.GaussianBlur(side / 340))
        shadow = shadow.resize((4 * shadow.width, 4 * shadow.height))
        place = (4 * box[0] + offset, 4 * box[1] + offset + offset // 2)
        image.paste((20, 16, 26), place, shadow)
        fill = shade_colour(shape_colour(shape, palette), rng.uniform(-0.08, 0.08))
        paint(ImageDraw.Draw(image), piece, fill, side)
    return image
