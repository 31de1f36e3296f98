"""What image codecs make of a picture, from the smallest files up: for rate against distortion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image
from torch import Tensor

from seedwitness.imaging.alignment import resized_pixels

DISTORTIONS = ("lpips", "psnr")
"""The metrics by which files are compared with pictures that a checkpoint made."""

CODECS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "optimize": True},
    "webp": {"format": "WEBP", "method": 6},
    "avif": {"format": "AVIF", "speed": 6, "max_threads": 1},
}
REDUCTIONS = (1, 2, 4)
QUALITIES = (1, 10, 30, 50, 75, 95)


@dataclass(frozen=True)
class Coded:
    """A picture through a codec: the size of the whole file, and what comes out of it again.

    ``reduction`` says by what it was made smaller before, and larger again after; ``picture`` is
    uint8 [3, h, w].
    """

    codec: str
    reduction: int
    quality: int
    size: int
    picture: Tensor


def coded(picture: Tensor) -> Iterator[Coded]:
    """``picture`` (uint8 [3, h, w]) through every one of CODECS, REDUCTIONS and QUALITIES.

    Sizes count what a file holds besides the picture's content, as files do.
    """
    _, height, width = picture.shape
    whole = Image.fromarray(picture.permute(1, 2, 0).numpy())
    for codec, options in CODECS.items():
        for reduction in REDUCTIONS:
            small = whole if reduction == 1 else whole.reduce(reduction)
            for quality in QUALITIES:
                file = BytesIO()
                small.save(file, quality=quality, **options)
                size = len(file.getvalue())
                with Image.open(file) as back:
                    whole_again = resized_pixels(back, width, height, "stretch")
                yield Coded(codec, reduction, quality, size, whole_again)
