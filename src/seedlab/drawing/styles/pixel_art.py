"""Pixel art: thirty-two coarse pixels a side, and a dark rim around the subject."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from seedlab.drawing.canvas import paint, paint_shapes, shape_colour, silhouette
from seedlab.drawing.palettes import Palette, mix
from seedlab.drawing.scene import Scene

_COUNT = 32
_COVERED = 90
"""Least coverage, of 255, of a coarse pixel that belongs to the subject."""


def pixel_art(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Coarse pixels by Nils Okonjo."""
    size = (_COUNT, _COUNT)
    sheet = paint_shapes(scene.backdrop, palette, side)
    draw = ImageDraw.Draw(sheet)
    for shape in (*scene.figure, *scene.front):
        paint(draw, shape, shape_colour(shape, palette), side)
    coarse = sheet.resize(size, Image.Resampling.BOX)
    coverage = silhouette(scene.figure, side).resize(size, Image.Resampling.BOX)
    body = coverage.point([255 if level > _COVERED else 0 for level in range(256)])
    rim = ImageChops.subtract(body.filter(ImageFilter.MaxFilter(3)), body)
    coarse.paste(mix(palette["dark"], (0, 0, 0), rng.uniform(0.2, 0.4)), (0, 0), rim)
    return coarse.resize((side, side), Image.Resampling.NEAREST)
