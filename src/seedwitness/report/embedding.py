"""Images as data URLs, so that a page is self-contained."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from seedwitness.imaging.decoding import decode_image

MAX_SIDE = 1024
MAX_PNG_BYTES = 120_000
"""A larger PNG is coded again, so that a page of many pictures stays below some megabytes."""

WEBP_QUALITY = 92


@dataclass(frozen=True)
class EmbeddedImage:
    """An image inside a page: its data URL, its original size, and whether it was scaled down or
    coded again.

    ``id`` is the element that holds the data, where the page has it once and shows it repeatedly.
    """

    url: str
    width: int
    height: int
    scaled: bool
    recoded: bool = False
    id: str = ""


def embed_image(path: Path, max_side: int = MAX_SIDE) -> EmbeddedImage:
    """A PNG file byte for byte; a large one as WebP, scaled down to ``max_side`` pixels a side."""
    image = decode_image(path)
    width, height = image.size
    scaled = max(width, height) > max_side
    if not scaled and path.stat().st_size <= MAX_PNG_BYTES:
        return EmbeddedImage(_make_data_url("png", path.read_bytes()), width, height, scaled=False)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
    return EmbeddedImage(
        _make_data_url("webp", buffer.getvalue()), width, height, scaled, recoded=True
    )


def number_images(images: Mapping[str, EmbeddedImage]) -> dict[str, EmbeddedImage]:
    """The same images with an id each; equal data have one id."""
    ids: dict[str, str] = {}
    for image in images.values():
        ids.setdefault(image.url, f"picture-{len(ids) + 1}")
    return {name: replace(image, id=ids[image.url]) for name, image in images.items()}


def _make_data_url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"
