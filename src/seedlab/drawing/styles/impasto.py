"""Impasto: thick strokes along circles, coarse on the background and finer on the subject."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

from seedlab.drawing.canvas import paint_shapes, silhouette
from seedlab.drawing.palettes import Palette, shade_colour
from seedlab.drawing.scene import Scene


def impasto(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Thick strokes around a random centre, by Petra Lumen."""
    plain = paint_shapes(scene.shapes, palette, side)
    figure = silhouette(scene.figure, side)
    image = plain.copy()
    draw = ImageDraw.Draw(image)
    cx, cy = rng.uniform(0.25, 0.75), rng.uniform(0.15, 0.5)
    twist = rng.uniform(0.5, 1.3) * rng.choice((-1, 1))

    def stroke(x: int, y: int, length: float, width: int) -> None:
        u, v = x / side - cx, y / side - cy
        r2 = u * u + v * v
        # along circles around (cx, cy), more and more horizontal with the distance from it
        du, dv = -v * twist + 0.12 + r2 * 0.3, u * twist * 0.8
        norm = max((du * du + dv * dv) ** 0.5, 1e-6)
        du, dv = du / norm * length, dv / norm * length
        seen = plain.getpixel((x, y))
        assert isinstance(seen, tuple)
        colour = shade_colour((seen[0], seen[1], seen[2]), rng.uniform(-0.13, 0.13))
        a = (round(x - du), round(y - dv))
        b = (round(x + du), round(y + dv))
        lift = width // 4
        draw.line(
            (a[0], a[1] + lift, b[0], b[1] + lift), fill=shade_colour(colour, -0.28), width=width
        )
        draw.line((a, b), fill=colour, width=width)
        draw.line(
            (a[0], a[1] - lift, b[0], b[1] - lift),
            fill=shade_colour(colour, 0.14),
            width=width // 4,
        )

    for _ in range(560):
        stroke(rng.randrange(side), rng.randrange(side), side * 0.045, side * 5 // 128)
    for _ in range(1500):
        x, y = rng.randrange(side), rng.randrange(side)
        if figure.getpixel((x, y)):
            stroke(x, y, side * 0.018, side * 5 // 256)
    return image
