"""Augmented copies of a picture, which a training sees beside exact ones."""

from __future__ import annotations

from io import BytesIO
from random import Random

from PIL import Image

MAX_SHIFT = 3 / 128
"""Largest part of the picture that a copy loses at each edge."""
MAX_LIGHT_CHANGE = 0.04
"""Largest relative change of the brightness and of each colour channel."""
JPEG_QUALITY = 90


def augment_copy(image: Image.Image, name: str, number: int) -> Image.Image:
    """Copy ``number`` of the picture ``name``, as RGB of the same size.

    Even numbers are the picture itself. The others are zoomed and shifted by up to 3 of 128 pixels,
    their brightness and colour channels change by up to 4 %, and one in three goes through JPEG at
    quality 90. The same name and number give the same pixels.
    """
    if number % 2 == 0:
        return image
    rng = Random(f"copy/{name}/{number}")
    width, height = image.size
    largest = int(width * MAX_SHIFT)
    left, top, right, bottom = (rng.randrange(largest + 1) for _ in range(4))
    box = (left, top, width - right, height - bottom)
    copy = image.resize(image.size, Image.Resampling.BICUBIC, box=box)
    brightness = rng.uniform(1 - MAX_LIGHT_CHANGE, 1 + MAX_LIGHT_CHANGE)
    scales = [
        brightness * rng.uniform(1 - MAX_LIGHT_CHANGE, 1 + MAX_LIGHT_CHANGE) for _ in range(3)
    ]
    copy = copy.point([min(255, round(level * scale)) for scale in scales for level in range(256)])
    if rng.randrange(3) == 0:
        file = BytesIO()
        copy.save(file, "JPEG", quality=JPEG_QUALITY)
        copy = Image.open(file).convert("RGB")
    return copy
