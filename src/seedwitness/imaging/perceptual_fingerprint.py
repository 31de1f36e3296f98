"""Recognise a picture that was saved again, by PDQ (Facebook, 2019) and by colour thumbnails.

PDQ's 256 bits survive scaling and compression, but not crops. Its authors call two pictures a match
at 31 differing bits or fewer, if both had enough structure to hash; unrelated pictures differ in
about 128 bits. PDQ ignores colour, so recoloured pictures match: colour thumbnails are therefore
compared too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pdqhash
from PIL import Image

PDQ_BITS = 256
MAX_PDQ_DISTANCE = 31
"""Largest Hamming distance, in bits, of a match."""

MIN_PDQ_QUALITY = 50
"""Quality below which PDQ's authors disregard a distance."""

THUMBNAIL_SIDE = 8
"""Side of a thumbnail, in pixels."""

MAX_THUMBNAIL_DISTANCE = 0.05
"""Largest root-mean-square difference of the thumbnails, in [0, 1], of a match. 325 tiles of pixel
art were saved as JPEG of quality 40, as WebP of quality 30, in 64 colours and at half size: none
was further than 0.036 from its original. Of 30 pairs of a held-out tile and another tile that PDQ
matches, mostly a recoloured one, none was nearer than 0.076."""


class PdqHash(NamedTuple):
    """A hash of 64 hexadecimal digits, and its quality from 0 (nothing to hash) to 100."""

    hex_digits: str
    quality: int


class Fingerprint(NamedTuple):
    """What identifies a picture however it was saved; ``thumbnail`` is RGB in hexadecimal."""

    pdq: str
    pdq_quality: int
    thumbnail: str


def fingerprint_image(image: Image.Image) -> Fingerprint:
    """Compute the fingerprint: PDQ hash, its quality, and a thumbnail of 8 × 8 pixels."""
    size = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    small = image.convert("RGB").resize(size, Image.Resampling.BOX)
    return Fingerprint(*compute_image_pdq(image), small.tobytes().hex())


def compute_image_pdq(image: Image.Image) -> PdqHash:
    """Compute the PDQ hash of a picture and its quality."""
    return compute_array_pdq(np.asarray(image.convert("RGB")))


def compute_array_pdq(array: np.ndarray[Any, Any]) -> PdqHash:
    """Compute the PDQ hash of RGB pixels, uint8 [height, width, 3], and its quality."""
    bits, quality = pdqhash.compute(array)  # [256] of 0 and 1, most significant bit first
    return PdqHash(np.packbits(bits.astype(np.uint8)).tobytes().hex(), int(quality))


def compute_hamming_distance(first: str, second: str) -> int:
    """Count the differing bits of two hexadecimal hashes of equal length."""
    if len(first) != len(second):
        raise ValueError(f"hashes of {len(first)} and {len(second)} digits cannot be compared")
    return (int(first, 16) ^ int(second, 16)).bit_count()


def compute_thumbnail_distance(first: str, second: str) -> float:
    """Root-mean-square difference of two thumbnails, in [0, 1]."""
    one, two = _parse_hex_rows([first, second], 3 * THUMBNAIL_SIDE * THUMBNAIL_SIDE) / 255.0
    return float(np.sqrt(((one - two) ** 2).mean()))


class FingerprintIndex:
    """Fingerprints of many pictures, searched with one fingerprint at a time."""

    def __init__(self, fingerprints: Sequence[Fingerprint]) -> None:
        self._hashes = _parse_hex_rows(
            [fingerprint.pdq for fingerprint in fingerprints], PDQ_BITS // 8
        )
        self._qualities = np.array(
            [fingerprint.pdq_quality for fingerprint in fingerprints], dtype=int
        )
        self._thumbnails = _parse_hex_rows(
            [fingerprint.thumbnail for fingerprint in fingerprints],
            3 * THUMBNAIL_SIDE * THUMBNAIL_SIDE,
        )

    def find_matches(self, fingerprint: Fingerprint) -> list[int]:
        """Find the rows that match ``fingerprint`` by hash and by thumbnail.

        The list is empty if the query's quality is too low; rows of too low a quality never match.
        """
        [query_hash], [query_thumbnail] = (
            _parse_hex_rows([fingerprint.pdq], PDQ_BITS // 8),
            _parse_hex_rows([fingerprint.thumbnail], 3 * THUMBNAIL_SIDE * THUMBNAIL_SIDE),
        )
        if fingerprint.pdq_quality < MIN_PDQ_QUALITY:
            return []
        distances = np.bitwise_count(self._hashes ^ query_hash).sum(1, dtype=int)
        is_near = (distances <= MAX_PDQ_DISTANCE) & (self._qualities >= MIN_PDQ_QUALITY)
        rows = np.flatnonzero(is_near)
        differences = (self._thumbnails[rows].astype(float) - query_thumbnail) / 255
        return [
            int(row) for row in rows[np.sqrt((differences**2).mean(1)) <= MAX_THUMBNAIL_DISTANCE]
        ]


def _parse_hex_rows(hex_texts: Sequence[str], length: int) -> np.ndarray[Any, Any]:
    """Parse hexadecimal texts to bytes [n, length]. Raises ValueError for another length."""
    values = np.frombuffer(bytes.fromhex("".join(hex_texts)), dtype=np.uint8)
    return values.reshape(len(hex_texts), length)
