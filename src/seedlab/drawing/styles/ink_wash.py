"""Ink and wash: pale, blurred colour that does not match the lines drawn over it."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from seedlab.drawing.canvas import mask_box, random_field, shape_colour, silhouette, to_pixels
from seedlab.drawing.palettes import Palette, mix
from seedlab.drawing.scene import Scene


def ink_wash(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Colour wash and then pen lines, by Quill Aramoto."""
    paper = mix(palette["light"], (250, 246, 236), 0.6)
    image = Image.new("RGB", (side, side), paper)
    rough = side // 4  # a wash has no sharp edges, so a quarter of the resolution is enough
    bleed = rough // 50
    for shape in scene.shapes:
        stain = silhouette((shape,), rough)
        dx, dy = (rng.randrange(-bleed, bleed + 1) for _ in range(2))
        stain = ImageChops.offset(stain, dx, dy)
        box = mask_box(stain, 8 + 4 * bleed)
        stain = stain.crop(box).filter(ImageFilter.GaussianBlur(bleed * 0.6))
        pool = random_field(rng, rough, rough // 6).point(
            [150 + v * 100 // 255 for v in range(256)]
        )
        stain = ImageChops.multiply(stain, pool.crop(box))
        stain = stain.resize((4 * stain.width, 4 * stain.height), Image.Resampling.BICUBIC)
        place = (4 * box[0], 4 * box[1])
        image.paste(mix(shape_colour(shape, palette), paper, 0.28), place, stain)
    draw = ImageDraw.Draw(image)
    for shape in (*scene.backdrop[1:], *scene.figure):
        pen = side * (14 if shape in scene.figure else 9) // 1000
        line = to_pixels(shape.points, side)
        if not shape.width:
            line.append(line[0])
        for a, b in pairwise(line):
            if rng.random() > 0.06:
                draw.line((a, b), fill=mix(palette["dark"], (12, 10, 20), 0.5), width=pen)
    return image
