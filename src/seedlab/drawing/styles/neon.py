"""Neon: glowing tubes along the outlines, on a dark wall."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from seedlab.drawing.canvas import shape_colour, to_pixels
from seedlab.drawing.palettes import Palette, mix
from seedlab.drawing.scene import Scene

_DIMMEST = 150
"""Least value of a tube's brightest channel; a darker colour is mixed with the accent."""


def neon(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Neon tubes by Rio Castellan."""
    wall = mix(palette["dark"], (8, 8, 20), rng.uniform(0.4, 0.6))
    image = Image.new("RGB", (side, side), wall)
    tubes = Image.new("RGB", (side, side))
    fill, light = ImageDraw.Draw(image), ImageDraw.Draw(tubes)
    figure = set(scene.figure)
    for shape in scene.shapes[1:]:
        colour = shape_colour(shape, palette)
        glass = mix(colour, (255, 255, 255), 0.25)
        if max(glass) < _DIMMEST:
            glass = mix(glass, palette["accent"], 0.5)
        line = to_pixels(shape.points, side)
        if not shape.width:
            fill.polygon(line, fill=mix(wall, colour, 0.22 if shape in figure else 0.1))
            light.polygon(line, fill=(0, 0, 0))  # what lies behind does not shine through
            line.append(line[0])
        width = side * (24 if shape in figure else 14) // 1000
        light.line(line, fill=glass, width=width, joint="curve")
    glow = tubes.filter(ImageFilter.GaussianBlur(side / 40))
    return ImageChops.add(ImageChops.add(image, glow), tubes)
