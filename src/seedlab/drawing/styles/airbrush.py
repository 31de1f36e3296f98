"""Airbrush: soft gradients without lines, and a halo around the subject."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageFilter

from seedlab.drawing.canvas import mask_box, paint_shapes, shape_colour, silhouette
from seedlab.drawing.geometry import Shape
from seedlab.drawing.palettes import Palette, mix, shade_colour
from seedlab.drawing.scene import Scene


def _spray(image: Image.Image, shape: Shape, palette: Palette, side: int, soft: float) -> None:
    """Draw one shape, lit from the upper left and darker to the lower right."""
    mask = silhouette((shape,), side)
    box = mask_box(mask, 8 + round(4 * soft))
    mask = mask.crop(box).filter(ImageFilter.GaussianBlur(soft))
    colour = shape_colour(shape, palette)
    xs, ys = [p[0] for p in shape.points], [p[1] for p in shape.points]
    x0, y0, x1, y1 = (round(v * side) for v in (min(xs), min(ys), max(xs), max(ys)))
    ramp = Image.linear_gradient("L").rotate(35, resample=Image.Resampling.BILINEAR)
    ramp = ramp.crop((48, 48, 208, 208)).resize((max(x1 - x0, 2), max(y1 - y0, 2)))
    full = Image.new("L", mask.size, 128)
    full.paste(ramp, (x0 - box[0], y0 - box[1]))
    light = Image.new("RGB", mask.size, shade_colour(colour, 0.32))
    light.paste(shade_colour(colour, -0.32), (0, 0), full)
    image.paste(light, box[:2], mask)


def airbrush(scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
    """Airbrush by Anwen Castell."""
    image = paint_shapes(scene.backdrop, palette, side).filter(ImageFilter.GaussianBlur(side / 36))
    glow = silhouette(scene.figure, side).filter(ImageFilter.GaussianBlur(side / 22))
    halo = mix(palette["light"], palette["accent"], rng.uniform(0.1, 0.5))
    image.paste(halo, (0, 0), glow.point([v * 4 // 5 for v in range(256)]))
    for shape in scene.figure:
        _spray(image, shape, palette, side, side / 200)
    weather = silhouette(scene.front, side).filter(ImageFilter.GaussianBlur(side / 220))
    draw = paint_shapes(scene.front, {**palette, "sky": palette["light"]}, side)
    image.paste(draw, (0, 0), weather)
    return image
