"""Pictures as data URLs, so that a page needs no file beside it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from seedwitness.imaging.decoding import decode_image

SIDE = 1024
QUALITY = 92


@dataclass(frozen=True)
class Embedded:
    """A picture inside a page: its data URL, its true size, and whether it is shown smaller."""

    url: str
    width: int
    height: int
    scaled: bool


def embed(path: Path, side: int = SIDE) -> Embedded:
    """A PNG file byte for byte; one with a side above ``side`` pixels scaled down, as WebP."""
    image = decode_image(path)
    width, height = image.size
    if max(width, height) <= side:
        return Embedded(_url("png", path.read_bytes()), width, height, scaled=False)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4)
    return Embedded(_url("webp", buffer.getvalue()), width, height, scaled=True)


def _url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"
