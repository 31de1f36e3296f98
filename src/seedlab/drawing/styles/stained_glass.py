"""Stained glass: clear panes with lead along every outline, and rays behind the subject."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageDraw

from seedlab.drawing.canvas import paint, shape_colour, to_pixels
from seedlab.drawing.geometry import Shape, cos, sin
from seedlab.drawing.palettes import Palette, mix, shade_colour
from seedlab.drawing.scene import Scene


def stained_glass(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Leaded panes by Tove Arlen."""
    image = Image.new("RGB", (side, side), palette["sky"])
    draw = ImageDraw.Draw(image)
    lead = mix(palette["dark"], (14, 12, 18), 0.6)
    wide = max(2, side * 22 // 1000)

    def place_pane(shape: Shape, width: int) -> None:
        colour = shade_colour(shape_colour(shape, palette), rng.uniform(-0.1, 0.1))
        paint(draw, shape, colour, side)
        if not shape.width:
            outline = to_pixels(shape.points, side)
            draw.line([*outline, outline[0]], fill=lead, width=width, joint="curve")

    for shape in scene.backdrop:
        place_pane(shape, wide)
    x, y = rng.uniform(0.3, 0.7), rng.uniform(0.25, 0.6)
    count, turn = rng.randrange(5, 8), rng.uniform(0, 1)
    for k in range(count):
        angle = 2 * math.pi * (k + turn) / count
        ray = to_pixels(((x, y), (x + 1.5 * cos(angle), y + 1.5 * sin(angle))), side)
        draw.line(ray, fill=lead, width=wide)
    for shape in scene.figure:
        place_pane(shape, wide * 2 // 3)
    for shape in scene.front:
        paint(draw, shape, shape_colour(shape, palette), side)
    return image
