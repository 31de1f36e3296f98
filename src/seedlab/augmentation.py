"""Augmented copies of a picture, which a training sees beside exact ones."""

from __future__ import annotations

from io import BytesIO
from random import Random

from PIL import Image

from seedlab.ground_truth import PictureCopy, PictureRecord

MAX_SHIFT = 3
"""Largest number of pixels that a copy loses at each edge."""
MAX_LIGHT_CHANGE = 0.04
"""Largest relative change of the brightness and of each colour channel."""
JPEG_QUALITY = 90


def augment_copy(image: Image.Image, picture: PictureRecord, number: int) -> Image.Image:
    """Copy ``number`` of a picture, as RGB of the same size.

    An exact copy (``PictureCopy.is_exact``) is the picture itself. The others are zoomed and
    shifted by up to 3 pixels, their brightness and colour channels change by up to 4 %, and one in
    three goes through JPEG at quality 90. The same picture and number give the same pixels.
    """
    if PictureCopy(picture, number).is_exact:
        return image
    rng = Random(f"copy/{picture.id}/{number}")
    width, height = image.size
    left, top, right, bottom = (rng.randrange(MAX_SHIFT + 1) for _ in range(4))
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
