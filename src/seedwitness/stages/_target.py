"""The picture of a target, as `prepare` left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.imaging.decoding import decode_image
from seedwitness.stages import output_path

if TYPE_CHECKING:
    from PIL import Image


def picture_of(target: str) -> Image.Image:
    """RGB of 8 bits, upright. Raises PictureError that says what writes it."""
    return decode_image(
        output_path("prepare", target) / "image.png", f"`dvc repro prepare@{target}` writes it."
    )
