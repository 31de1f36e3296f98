"""PDQ (Facebook, 2019): Hamming distance of two pictures' 256-bit perceptual hashes.

Lower is closer, from 0 to 256; unrelated pictures differ in about 128 bits. PDQ's authors match at
31 or less. It survives scaling and compression, not crops. The quality, from 0 to 100, says how
much there was to hash: near 0 the hash means nothing (a side under 5 pixels, a flat picture), so
read no distance without the quality of both pictures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pdqhash
import torch
from PIL import Image
from torch import Tensor

from seedwitness.metrics import NO_WEIGHTS, MetricInfo

BITS = 256
LEAST_QUALITY = 50
"""Below this PDQ's authors take no distance seriously."""

INFO = MetricInfo(
    name="pdq",
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=False,
    lowest=0.0,
    highest=float(BITS),
    copy_threshold=31.0,
    source="The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm, "
    "Facebook, 2019",
)


def hashed(image: Image.Image) -> tuple[str, int]:
    """Hash of a picture, 64 hexadecimal digits, and its quality."""
    return _hashed(np.asarray(image.convert("RGB")))


def distance(first: str, second: str) -> int:
    """How many bits of two hexadecimal hashes of one length differ."""
    if len(first) != len(second):
        raise ValueError(f"hashes of {len(first)} and {len(second)} digits cannot be compared")
    return (int(first, 16) ^ int(second, 16)).bit_count()


def hashes(pictures: Tensor) -> list[tuple[str, int]]:
    """Hash and quality of every picture: uint8 [n, 3, height, width] to n pairs."""
    return [_hashed(array) for array in pictures.permute(0, 2, 3, 1).cpu().numpy()]


def qualities(pictures: Tensor) -> Tensor:
    """Quality of every picture's hash: uint8 [n, 3, height, width] to [n], in [0, 100]."""
    return torch.tensor([quality for _, quality in hashes(pictures)], dtype=torch.float32)


def scores(pictures: Tensor, references: Tensor) -> Tensor:
    """PDQ distance of each picture to the reference of the same row: two uint8 stacks to [n]."""
    pairs = zip(hashes(pictures), hashes(references), strict=True)
    return torch.tensor([distance(a, b) for (a, _), (b, _) in pairs], dtype=torch.float32)


def _hashed(array: np.ndarray[Any, Any]) -> tuple[str, int]:
    bits, quality = pdqhash.compute(array)  # [256] of 0 and 1, the first is the highest
    return np.packbits(bits.astype(np.uint8)).tobytes().hex(), int(quality)
