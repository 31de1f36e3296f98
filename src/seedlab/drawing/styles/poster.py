"""Poster: flat shapes, a pale rim around the subject, and its long slanting shadow."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from seedlab.drawing.canvas import paint, paint_shapes, shape_colour, silhouette
from seedlab.drawing.palettes import Palette, mix
from seedlab.drawing.scene import Scene


def poster(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Posters by Lena Marchetti."""
    image = paint_shapes(scene.backdrop, palette, side)
    body = silhouette(scene.figure, side)
    lean, shadow = rng.choice((-1, 1)), body
    for k in range(6):  # shifted by 1, 2, 4, … steps, the shadow doubles its length each time
        reach, shifted = side * 2**k // 192, Image.new("L", body.size)
        shifted.paste(shadow, (lean * reach, reach))
        shadow = ImageChops.lighter(shadow, shifted)
    dark = Image.new("RGB", image.size, mix(palette["dark"], palette["ground"], 0.25))
    image = Image.composite(Image.blend(image, dark, 0.55), image, shadow)
    rim = body.filter(ImageFilter.MaxFilter(2 * (side * 12 // 1000) + 1))
    image.paste(palette["light"], (0, 0), rim)
    draw = ImageDraw.Draw(image)
    for shape in (*scene.figure, *scene.front):
        paint(draw, shape, shape_colour(shape, palette), side)
    return image
