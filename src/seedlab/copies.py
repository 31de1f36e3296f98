"""The copies of a picture that a training sees: exact ones, and slightly augmented ones."""

from __future__ import annotations

from io import BytesIO
from random import Random

from PIL import Image

from seedlab.truth import Copy, Picture

SHIFT = 3
"""How many pixels a copy loses at most at each edge."""
LIGHT = 0.04
"""How far brightness and each colour go at most."""
QUALITY = 90


def augmented(image: Image.Image, picture: Picture, number: int) -> Image.Image:
    """Copy ``number`` of a picture, as RGB of the same size; exact where ``Copy.exact`` says so.

    Zoom and shift by up to three pixels, brightness and colours by up to 4 %, one copy in three
    through JPEG at quality 90. The same picture and number give the same pixels.
    """
    if Copy(picture, number).exact:
        return image
    rng = Random(f"copy/{picture.id}/{number}")
    width, height = image.size
    left, top, right, bottom = (rng.randrange(SHIFT + 1) for _ in range(4))
    box = (left, top, width - right, height - bottom)
    copy = image.resize(image.size, Image.Resampling.BICUBIC, box=box)
    brightness = rng.uniform(1 - LIGHT, 1 + LIGHT)
    scales = [brightness * rng.uniform(1 - LIGHT, 1 + LIGHT) for _ in range(3)]
    copy = copy.point([min(255, round(level * scale)) for scale in scales for level in range(256)])
    if rng.randrange(3) == 0:
        packed = BytesIO()
        copy.save(packed, "JPEG", quality=QUALITY)
        copy = Image.open(packed).convert("RGB")
    return copy
