"""The picture of a target, as `prepare` left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.imaging.decoding import decoded
from seedwitness.stages import place

if TYPE_CHECKING:
    from PIL import Image


def picture_of(target: str) -> Image.Image:
    """RGB of 8 bits, upright. Raises PictureError that says what writes it."""
    return decoded(
        place("prepare", target) / "image.png", f"`dvc repro prepare@{target}` writes it."
    )
