"""Linocut: paper, one solid ink and one colour block, with parallel cuts for the half-tones."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from seedlab.drawing.canvas import mask_box, paint, paint_shapes, shape_colour, silhouette
from seedlab.drawing.palettes import Palette, mix, shade_colour
from seedlab.drawing.scene import Scene


def _cuts(rng: Random, side: int) -> Image.Image:
    """Mask of slightly bent parallel cuts."""
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    pitch = side * 6 // 128
    slope = rng.choice((-0.5, -0.25, 0.0, 0.25, 0.5))
    bend = rng.uniform(-0.12, 0.12)
    for k in range(-side // pitch, 2 * side // pitch):
        line = []
        for j in range(9):
            x = j * side // 8
            u = j / 8 - 0.5
            line.append((x, round(k * pitch + slope * x + bend * side * (0.25 - u * u))))
        draw.line(line, fill=255, width=pitch * 45 // 100)
    return mask


def linocut(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Black ink over one printed colour, by Sefa Brandvik."""
    paper = mix(palette["light"], (244, 236, 220), 0.5)
    ink = shade_colour(palette["dark"], -0.25)
    tones = paint_shapes(scene.shapes, palette, side).convert("L")
    levels = np.asarray(tones, np.uint8)
    low, high = np.quantile(levels, (0.3, 0.62), method="nearest")
    half = (levels < high) & (levels >= low)
    dark = levels < low
    cuts = np.asarray(_cuts(rng, side)) > 127
    black = Image.fromarray(((dark | (half & cuts)) * 255).astype(np.uint8), "L")
    rim = silhouette(scene.figure, side)
    box = mask_box(rim, 16)
    outline = rim.crop(box).filter(ImageFilter.MaxFilter(9))
    image = Image.new("RGB", (side, side), paper)
    image.paste(ink, (0, 0), black)
    image.paste(paper, box[:2], outline)
    draw = ImageDraw.Draw(image)
    blocks = {"main": palette["main"], "second": ink, "accent": palette["accent"], "dark": ink}
    for shape in scene.figure:
        paint(draw, shape, blocks.get(shape.role, paper), side)
    for shape in scene.front:
        paint(draw, shape, shape_colour(shape, palette), side)
    return image
