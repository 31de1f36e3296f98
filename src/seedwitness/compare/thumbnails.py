"""Small images for a page of many: WebP of a bounded size, as data URLs."""

from __future__ import annotations

import warnings
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import PILLOW_ERRORS, convert_to_upright_rgb

SIDE = 128
"""Pixels at most: twice the size at which the page shows them."""
QUALITY = 75


@dataclass(frozen=True)
class Thumbnail:
    """An image inside a page: its data URL, and its size there in pixels."""

    url: str
    width: int
    height: int


def make_thumbnail(content: bytes, name: str) -> Thumbnail:
    """An image file scaled down to ``SIDE``; a smaller one keeps its size.

    Raises PictureError where it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content)) as opened:
                image = convert_to_upright_rgb(opened)
    except PILLOW_ERRORS as error:
        raise PictureError(
            f"{name} cannot be read as a picture: {error}. Restore it from where it was made."
        ) from error
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4)
    url = f"data:image/webp;base64,{b64encode(buffer.getvalue()).decode()}"
    return Thumbnail(url, image.width, image.height)
