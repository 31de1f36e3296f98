"""Pointillism: round dots of pure colour on a toned ground."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

from seedlab.drawing.canvas import paint_shapes
from seedlab.drawing.palettes import Palette, mix, shade_colour
from seedlab.drawing.scene import Scene


def dots(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Dots on a hexagonal grid, by Ilo Vanterpool."""
    plain = paint_shapes(scene.shapes, palette, side)
    ground = plain.resize((side // 16, side // 16), Image.Resampling.BOX).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    image = Image.blend(ground, Image.new("RGB", (side, side), palette["light"]), 0.35)
    draw = ImageDraw.Draw(image)
    pitch = side * 4 // 128
    rows = side // pitch + 2
    spots = [
        (round((col + (row % 2) / 2) * pitch), row * pitch * 7 // 8)
        for row in range(rows * 8 // 7 + 1)
        for col in range(rows)
    ]
    for x, y in spots:
        x, y = (
            x + rng.randrange(-pitch // 8, pitch // 8 + 1),
            y + rng.randrange(-pitch // 8, pitch // 8 + 1),
        )
        seen = plain.getpixel((min(max(x, 0), side - 1), min(max(y, 0), side - 1)))
        assert isinstance(seen, tuple)
        colour = shade_colour((seen[0], seen[1], seen[2]), rng.uniform(-0.1, 0.08))
        if rng.random() < 0.07:
            colour = mix(colour, palette[rng.choice(("accent", "main", "haze"))], 0.45)
        r = pitch * rng.randrange(44, 54) // 100
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    return image
