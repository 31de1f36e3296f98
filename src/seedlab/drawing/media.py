"""Media: the last step of a drawing, applied to the finished image."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw

from seedlab.drawing.canvas import mottle, random_field
from seedlab.drawing.palettes import Palette, mix


def oil_on_canvas(image: Image.Image, palette: Palette, rng: Random) -> Image.Image:
    """Oil on canvas: colour up to the edge, uneven gloss."""
    return mottle(image, rng, image.width // 8, 22)


def gouache_on_paper(image: Image.Image, palette: Palette, rng: Random) -> Image.Image:
    """Gouache on paper: an uneven white margin."""
    side = image.width
    mask = Image.new("L", (side, side))
    m = side * 6 // 128
    top = [
        (m + k * (side - 2 * m) // 12, m + rng.randrange(-m // 3, m // 3 + 1)) for k in range(13)
    ]
    low = [(x, side - m + rng.randrange(-m // 3, m // 3 + 1)) for x, _ in reversed(top)]
    ImageDraw.Draw(mask).polygon(top + low, fill=255)
    sheet = Image.new("RGB", (side, side), mix(palette["light"], (248, 244, 236), 0.7))
    sheet.paste(image, (0, 0), mask)
    return sheet


def screen_print(image: Image.Image, palette: Palette, rng: Random) -> Image.Image:
    """Screen print: few inks, a solid frame."""
    side = image.width
    inked = image.point([min(255, (v + 21) // 42 * 42) for v in range(256)] * 3)
    draw = ImageDraw.Draw(inked)
    draw.rectangle((0, 0, side - 1, side - 1), outline=palette["dark"], width=side * 4 // 128)
    return inked


def fresco(image: Image.Image, palette: Palette, rng: Random) -> Image.Image:
    """Fresco: faded towards plaster in patches."""
    plaster = Image.new("RGB", image.size, mix(palette["light"], (226, 214, 194), 0.6))
    fade = random_field(rng, image.width, image.width // 5).point(
        [20 + v * 110 // 255 for v in range(256)]
    )
    return Image.composite(plaster, image, fade)


MEDIA: dict[str, Callable[[Image.Image, Palette, Random], Image.Image]] = {
    "oil on canvas": oil_on_canvas,
    "gouache on paper": gouache_on_paper,
    "screen print": screen_print,
    "fresco": fresco,
}
