"""Mosaic: square stones in bent rows on mortar."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

from seedlab.drawing.canvas import paint_shapes
from seedlab.drawing.palettes import Palette, mix, shade_colour
from seedlab.drawing.scene import Scene


def mosaic(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Square stones in wavy rows, by Oskar Nemet."""
    plain = paint_shapes(scene.shapes, palette, side)
    image = Image.new("RGB", (side, side), mix(palette["dark"], palette["haze"], 0.35))
    draw = ImageDraw.Draw(image)
    n = 23
    wave = rng.uniform(-0.045, 0.045)
    tilt = rng.uniform(-0.05, 0.05)

    def corner(i: int, j: int) -> tuple[float, float]:
        x, y = i / n, j / n
        return (x + tilt * (y - 0.5), y + wave * 4 * x * (1 - x) + tilt * (0.5 - x))

    for j in range(-2, n + 2):
        for i in range(-2, n + 2):
            quad = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)]
            cx, cy = sum(p[0] for p in quad) / 4, sum(p[1] for p in quad) / 4
            px, py = (min(max(round(c * side), 0), side - 1) for c in (cx, cy))
            seen = plain.getpixel((px, py))
            assert isinstance(seen, tuple)
            stone = shade_colour((seen[0], seen[1], seen[2]), rng.uniform(-0.12, 0.1))
            k = rng.uniform(0.76, 0.86)
            draw.polygon(
                [
                    (round((cx + (x - cx) * k) * side), round((cy + (y - cy) * k) * side))
                    for x, y in quad
                ],
                fill=stone,
            )
    return image
