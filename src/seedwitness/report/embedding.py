"""Images as data URLs, so that a page is self-contained."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from seedwitness.imaging.decoding import decode_image

MAX_SIDE = 1024
WEBP_QUALITY = 92


@dataclass(frozen=True)
class EmbeddedImage:
    """An image inside a page: its data URL, its original size, and whether it was scaled down."""

    url: str
    width: int
    height: int
    scaled: bool


def embed_image(path: Path, max_side: int = MAX_SIDE) -> EmbeddedImage:
    """A PNG file byte for byte; one with a side above ``max_side`` pixels scaled down, as WebP."""
    image = decode_image(path)
    width, height = image.size
    if max(width, height) <= max_side:
        return EmbeddedImage(_make_data_url("png", path.read_bytes()), width, height, scaled=False)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
    return EmbeddedImage(_make_data_url("webp", buffer.getvalue()), width, height, scaled=True)


def _make_data_url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"
