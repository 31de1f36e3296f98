"""Facets: the picture divided into triangles of one colour each."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

from seedlab.drawing.canvas import paint_shapes
from seedlab.drawing.palettes import Palette, shade_colour
from seedlab.drawing.scene import Scene


def facets(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Triangles on a jittered grid, lit from one side, by Dov Halloran."""
    plain = paint_shapes(scene.shapes, palette, side)
    image = plain.copy()
    draw = ImageDraw.Draw(image)
    n = 21
    step = side / n
    node = {
        (i, j): (
            round((i + (j % 2) * 0.5 + rng.uniform(-0.24, 0.24)) * step),
            round((j + rng.uniform(-0.24, 0.24)) * step),
        )
        for i in range(-1, n + 2)
        for j in range(-1, n + 2)
    }
    for j in range(-1, n + 1):
        for i in range(-1, n + 1):
            right = i + 1
            if j % 2:
                pair = (((i, j), (right, j), (right, j + 1)), ((i, j), (right, j + 1), (i, j + 1)))
            else:
                pair = (((i, j), (right, j), (i, j + 1)), ((right, j), (right, j + 1), (i, j + 1)))
            for corners in pair:
                points = [node[c] for c in corners]
                seen = []
                for wx, wy, wz in ((4, 1, 1), (1, 4, 1), (1, 1, 4), (2, 2, 2)):
                    x = (wx * points[0][0] + wy * points[1][0] + wz * points[2][0]) // 6
                    y = (wx * points[0][1] + wy * points[1][1] + wz * points[2][1]) // 6
                    pixel = plain.getpixel((min(max(x, 0), side - 1), min(max(y, 0), side - 1)))
                    assert isinstance(pixel, tuple)
                    seen.append(pixel)
                r, g, b = (sum(p[c] for p in seen) // len(seen) for c in range(3))
                fold = (points[0][0] + points[1][0] - 2 * points[2][0]) / (3 * step)
                fill = shade_colour((r, g, b), 0.13 * fold + rng.uniform(-0.06, 0.06))
                draw.polygon(points, fill=fill)
    return image
