"""Encode a picture by image codecs at increasing sizes, to compare rate against distortion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image
from torch import Tensor

from seedwitness.imaging.alignment import resize_to_tensor

DISTORTION_METRICS = ("lpips", "psnr")
"""Metrics that compare encoded files with generated pictures."""

CODECS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "optimize": True},
    "webp": {"format": "WEBP", "method": 6},
    "avif": {"format": "AVIF", "speed": 6, "max_threads": 1},
}
REDUCTIONS = (1, 2, 4)
QUALITIES = (1, 10, 30, 50, 75, 95)


@dataclass(frozen=True)
class EncodedPicture:
    """A picture encoded by a codec: the file's size in bytes and the decoded picture.

    ``reduction`` is the factor by which the picture was scaled down before encoding and up after
    decoding; ``picture`` is uint8 [3, h, w].
    """

    codec: str
    reduction: int
    quality: int
    size: int
    picture: Tensor


def encode_picture(picture: Tensor) -> Iterator[EncodedPicture]:
    """Encode ``picture`` (uint8 [3, h, w]) by every combination of CODECS, REDUCTIONS, QUALITIES.

    Sizes include the headers of the file format.
    """
    _, height, width = picture.shape
    image = Image.fromarray(picture.permute(1, 2, 0).numpy())
    for codec, options in CODECS.items():
        for reduction in REDUCTIONS:
            reduced = image if reduction == 1 else image.reduce(reduction)
            for quality in QUALITIES:
                buffer = BytesIO()
                reduced.save(buffer, quality=quality, **options)
                size = len(buffer.getvalue())
                with Image.open(buffer) as decoded:
                    picture_again = resize_to_tensor(decoded, width, height, "stretch")
                yield EncodedPicture(codec, reduction, quality, size, picture_again)
