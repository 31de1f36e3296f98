"""Whether two pictures are one but for how they were saved, by PDQ (Facebook, 2019).

PDQ's 256 bits survive scaling and compression, not crops. Its authors match at 31 differing bits or
fewer, where both pictures gave it enough to hash; unrelated pictures differ in about 128.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pdqhash
from PIL import Image

BITS = 256
MATCH = 31
"""So many differing bits still match."""

LEAST_QUALITY = 50
"""Below this PDQ's authors take no distance seriously."""


class Pdq(NamedTuple):
    """A hash, 64 hexadecimal digits, and from 0 to 100 how much there was to hash."""

    digits: str
    quality: int


def hashed(image: Image.Image) -> Pdq:
    """Hash of a picture, and its quality."""
    return of_array(np.asarray(image.convert("RGB")))


def of_array(array: np.ndarray[Any, Any]) -> Pdq:
    """Hash of RGB pixels, uint8 [height, width, 3], and its quality."""
    bits, quality = pdqhash.compute(array)  # [256] of 0 and 1, the first is the highest
    return Pdq(np.packbits(bits.astype(np.uint8)).tobytes().hex(), int(quality))


def distance(first: str, second: str) -> int:
    """How many bits of two hexadecimal hashes of one length differ."""
    if len(first) != len(second):
        raise ValueError(f"hashes of {len(first)} and {len(second)} digits cannot be compared")
    return (int(first, 16) ^ int(second, 16)).bit_count()


def alike(one: Pdq, other: Pdq) -> bool:
    """Whether two hashes match; never where either picture had too little to hash."""
    return (
        min(one.quality, other.quality) >= LEAST_QUALITY
        and distance(one.digits, other.digits) <= MATCH
    )
