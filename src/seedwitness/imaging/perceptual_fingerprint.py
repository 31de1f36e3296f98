"""Whether two pictures are one but for how they were saved, by PDQ (Facebook, 2019) and in colour.

PDQ's 256 bits survive scaling and compression, not crops. Its authors match at 31 differing bits or
fewer, where both pictures gave it enough to hash; unrelated pictures differ in about 128. It reads
no colour, so that recoloured pictures match: thumbnails are held against one another too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pdqhash
from PIL import Image

BITS = 256
MATCH = 31
"""So many differing bits still match."""

LEAST_QUALITY = 50
"""Below this PDQ's authors take no distance seriously."""

SIDE = 8
"""Of a thumbnail, in pixels."""

APART = 0.05
"""So far apart, as root mean square of thumbnails in [0, 1], pictures are still one. Of 325 tiles
of pixel art, each saved as JPEG of quality 40, WebP of 30, in 64 colours and at half its size, none
was further than 0.036 from itself; of 30 pairs of a held-out tile and another that PDQ matches,
mostly one recoloured, none was nearer than 0.076."""


class PdqHash(NamedTuple):
    """A hash, 64 hexadecimal digits, and from 0 to 100 how much there was to hash."""

    digits: str
    quality: int


class Fingerprint(NamedTuple):
    """What a picture is known by, however it was saved; ``thumbnail`` is RGB in hexadecimal."""

    pdq: str
    pdq_quality: int
    thumbnail: str


def fingerprint_image(image: Image.Image) -> Fingerprint:
    """Hash, its quality, and a thumbnail of 8 × 8 pixels."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return Fingerprint(*pdq_of_image(image), small.tobytes().hex())


def pdq_of_image(image: Image.Image) -> PdqHash:
    """Hash of a picture, and its quality."""
    return pdq_of_array(np.asarray(image.convert("RGB")))


def pdq_of_array(array: np.ndarray[Any, Any]) -> PdqHash:
    """Hash of RGB pixels, uint8 [height, width, 3], and its quality."""
    bits, quality = pdqhash.compute(array)  # [256] of 0 and 1, the first is the highest
    return PdqHash(np.packbits(bits.astype(np.uint8)).tobytes().hex(), int(quality))


def hamming_distance(first: str, second: str) -> int:
    """How many bits of two hexadecimal hashes of one length differ."""
    if len(first) != len(second):
        raise ValueError(f"hashes of {len(first)} and {len(second)} digits cannot be compared")
    return (int(first, 16) ^ int(second, 16)).bit_count()


class FingerprintIndex:
    """Many pictures' imprints, to be held against one at a time."""

    def __init__(self, of: Sequence[Fingerprint]) -> None:
        self._hashes = _bytes([each.pdq for each in of], BITS // 8)
        self._qualities = np.array([each.pdq_quality for each in of], dtype=int)
        self._thumbnails = _bytes([each.thumbnail for each in of], 3 * SIDE * SIDE)

    def find_matches(self, one: Fingerprint) -> list[int]:
        """Places of those that are one with ``one``, by hash and thumbnail.

        None where it had too little to hash, and none that had.
        """
        [own], [small] = _bytes([one.pdq], BITS // 8), _bytes([one.thumbnail], 3 * SIDE * SIDE)
        if one.pdq_quality < LEAST_QUALITY:
            return []
        differing = np.bitwise_count(self._hashes ^ own).sum(1, dtype=int)
        near = (differing <= MATCH) & (self._qualities >= LEAST_QUALITY)
        places = np.flatnonzero(near)
        gaps = (self._thumbnails[places].astype(float) - small) / 255
        return [int(each) for each in places[np.sqrt((gaps**2).mean(1)) <= APART]]


def _bytes(digits: Sequence[str], length: int) -> np.ndarray[Any, Any]:
    """Hexadecimal texts as rows of bytes: [n, length]. Raises ValueError for another length."""
    whole = np.frombuffer(bytes.fromhex("".join(digits)), dtype=np.uint8)
    return whole.reshape(len(digits), length)
