"""The perceptual hashes of all rows, as arrays that are mapped from disk, and copies by them.

PDQ (Facebook, 2019) and colour thumbnails recognise a picture that was saved again, and their
mirrored forms a mirrored one; the copy descriptor (SSCD: Pizzi et al., CVPR 2022) also crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedwitness.corpus import ImageHashes
from seedwitness.imaging.perceptual_fingerprint import (
    MAX_THUMBNAIL_DISTANCE,
    MIN_PDQ_QUALITY,
    PDQ_BITS,
    THUMBNAIL_SIDE,
)

PDQ_BYTES, PHASH_BYTES, THUMBNAIL_BYTES = PDQ_BITS // 8, 8, 3 * THUMBNAIL_SIDE * THUMBNAIL_SIDE
PDQ_FILE, PHASH_FILE, THUMBNAIL_FILE, DESCRIPTOR_FILE = (
    "pdq.npy",
    "phash.npy",
    "thumbnails.npy",
    "descriptors.npy",
)
FILES = (PDQ_FILE, PHASH_FILE, THUMBNAIL_FILE, DESCRIPTOR_FILE)
CHUNK_ROWS = 100_000

CopyKind = Literal["pdq", "pdq-mirrored", "descriptor", "descriptor-mirrored"]
Bytes = NDArray[np.uint8]


class CopyLimits(NamedTuple):
    """From which values on a row is a copy: bits of PDQ at most, cosine of descriptors at least."""

    pdq: int
    descriptor: float


class HashedQuery(NamedTuple):
    """The hashes of a picture, and the descriptors [d] of it and of its mirror image, if any."""

    hashes: ImageHashes
    descriptor: NDArray[np.float32] | None = None
    mirrored_descriptor: NDArray[np.float32] | None = None


class Copy(NamedTuple):
    """A row that is a copy of a query, and what says so first; of descriptors also the cosine."""

    row: int
    kind: CopyKind
    pdq_distance: int
    descriptor: float


@dataclass(frozen=True)
class HashTable:
    """The hashes of all rows: ``pdq`` [n, 65] (hash, mirrored, quality), ``phash`` [n, 16] (hash,
    mirrored), ``thumbnails`` [n, 192], ``descriptors`` [n, d] of float16, d = 0 without any.

    A row without a picture is zero, with a quality of 0.
    """

    pdq: Bytes
    phash: Bytes
    thumbnails: Bytes
    descriptors: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.pdq)

    @property
    def has_descriptors(self) -> bool:
        """Whether descriptors were computed."""
        return bool(self.descriptors.shape[1])

    def find_copies(self, query: HashedQuery, limits: CopyLimits) -> list[Copy]:
        """Find all rows that are copies of a picture, the most certain first.

        By PDQ and colours come before those by the descriptor alone.
        """
        distances = {
            "pdq": self._measure_pdq(query.hashes.fingerprint.pdq),
            "pdq-mirrored": self._measure_pdq(query.hashes.pdq_mirrored),
        }
        is_hashed = self._is_hashed(query.hashes.fingerprint.pdq_quality)
        found: dict[int, tuple[int, float, CopyKind]] = {}
        thumbnail = _parse(query.hashes.fingerprint.thumbnail)
        kinds: tuple[tuple[CopyKind, bool], ...] = (("pdq", False), ("pdq-mirrored", True))
        for kind, mirrored in kinds:
            near = np.flatnonzero((distances[kind] <= limits.pdq) & is_hashed)
            for row in near[self._have_colours(near, thumbnail, mirrored)].tolist():
                entry = int(distances[kind][row]), 0.0, kind
                found[row] = min(found.get(row, entry), entry)
        copies = [
            Copy(row, kind, bits, self._measure_descriptor(row, query, kind))
            for row, (bits, _, kind) in sorted(found.items(), key=lambda each: (each[1], each[0]))
        ]
        by_descriptor = self._find_by_descriptor(query, limits.descriptor)
        return copies + [
            Copy(row, kind, int(distances["pdq"][row]), cosine)
            for row, kind, cosine in by_descriptor
            if row not in found
        ]

    def count_copies(self, rows: Sequence[int], limits: CopyLimits) -> list[int]:
        """Count the copies of each of these rows, itself included: by PDQ, also mirrored, and by
        the descriptor, which also counts crops. A row without a picture counts as one."""
        is_copy = np.zeros((len(rows), len(self)), bool)
        for number, row in enumerate(rows):
            is_hashed = self._is_hashed(int(self.pdq[row, -1]))
            thumbnail = np.asarray(self.thumbnails[row])
            for part, mirrored in ((slice(0, 32), False), (slice(32, 64), True)):
                near = np.flatnonzero(
                    (self._count_bits(self.pdq[row, part]) <= limits.pdq) & is_hashed
                )
                is_copy[number, near[self._have_colours(near, thumbnail, mirrored)]] = True
            is_copy[number, row] = True
        if self.has_descriptors and rows:
            queries = self.descriptors[np.asarray(rows)].astype(np.float32)
            for start in range(0, len(self), CHUNK_ROWS):
                chunk = self.descriptors[start : start + CHUNK_ROWS].astype(np.float32)
                is_copy[:, start : start + CHUNK_ROWS] |= queries @ chunk.T >= limits.descriptor
        return [int(count) for count in is_copy.sum(axis=1)]

    def find_nearest_by_descriptor(self, query: HashedQuery) -> int | None:
        """The row whose descriptor is nearest to that of a picture or its mirror image, if any."""
        cosines = self._compute_cosines(query).max(axis=0)
        return int(cosines.argmax()) if len(cosines) and cosines.max() > 0 else None

    def _find_by_descriptor(
        self, query: HashedQuery, threshold: float
    ) -> list[tuple[int, CopyKind, float]]:
        cosines = self._compute_cosines(query)
        best = cosines.max(axis=0)
        found: list[tuple[int, CopyKind, float]] = []
        for row in np.flatnonzero(best >= threshold).tolist():
            is_mirrored = cosines[1, row] > cosines[0, row]
            kind: CopyKind = "descriptor-mirrored" if is_mirrored else "descriptor"
            found.append((row, kind, float(best[row])))
        return sorted(found, key=lambda each: (-each[2], each[0]))

    def _compute_cosines(self, query: HashedQuery) -> NDArray[np.float32]:
        """The cosines of all rows with the picture and its mirror image: [2, n], or [2, 0]."""
        if not self.has_descriptors or query.descriptor is None:
            return np.zeros((2, 0), np.float32)
        assert query.mirrored_descriptor is not None
        queries = np.stack([query.descriptor, query.mirrored_descriptor])
        parts = [
            queries @ self.descriptors[start : start + CHUNK_ROWS].astype(np.float32).T
            for start in range(0, len(self), CHUNK_ROWS)
        ]
        return np.concatenate(parts, axis=1)

    def _measure_descriptor(self, row: int, query: HashedQuery, kind: str) -> float:
        vector = query.mirrored_descriptor if kind.endswith("mirrored") else query.descriptor
        if not self.has_descriptors or vector is None:
            return float("nan")
        return float(self.descriptors[row].astype(np.float32) @ vector)

    def _measure_pdq(self, hash_hex: str) -> NDArray[Any]:
        return self._count_bits(_parse(hash_hex))

    def _count_bits(self, hash_bytes: Bytes) -> NDArray[Any]:
        """Differing bits of every row's PDQ hash: [n]."""
        return np.concatenate(
            [
                np.bitwise_count(self.pdq[start : start + CHUNK_ROWS, :PDQ_BYTES] ^ hash_bytes).sum(
                    1, dtype=np.int64
                )
                for start in range(0, len(self), CHUNK_ROWS)
            ]
            or [np.zeros(0, np.int64)]
        )

    def _is_hashed(self, quality: int) -> NDArray[Any]:
        """Which rows, and whether the query, have enough structure for a distance to count."""
        return np.asarray(self.pdq[:, -1] >= MIN_PDQ_QUALITY) & (quality >= MIN_PDQ_QUALITY)

    def _have_colours(self, rows: NDArray[Any], thumbnail: Bytes, mirrored: bool) -> NDArray[Any]:
        """Which of these rows have the colours of a thumbnail, or of its mirror image."""
        if mirrored:
            square = thumbnail.reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)
            thumbnail = square[:, ::-1].reshape(-1)
        differences = (self.thumbnails[rows].astype(float) - thumbnail) / 255
        return np.asarray(np.sqrt((differences**2).mean(1)) <= MAX_THUMBNAIL_DISTANCE)


def make_hash_rows(hashes: Sequence[ImageHashes | None]) -> tuple[Bytes, Bytes, Bytes]:
    """The arrays ``pdq``, ``phash`` and ``thumbnails`` of rows; None for a row without picture."""
    pdq = np.zeros((len(hashes), 2 * PDQ_BYTES + 1), np.uint8)
    phash = np.zeros((len(hashes), 2 * PHASH_BYTES), np.uint8)
    thumbnails = np.zeros((len(hashes), THUMBNAIL_BYTES), np.uint8)
    for row, each in enumerate(hashes):
        if each is not None:
            pdq[row, :-1] = _parse(each.fingerprint.pdq + each.pdq_mirrored)
            pdq[row, -1] = each.fingerprint.pdq_quality
            phash[row] = _parse(each.phash + each.phash_mirrored)
            thumbnails[row] = _parse(each.fingerprint.thumbnail)
    return pdq, phash, thumbnails


def load_hash_table(folder: Path) -> HashTable:
    """Map the hashes in a folder. Raises OSError or ValueError for a damaged file."""
    return HashTable(*(np.load(folder / name, mmap_mode="r") for name in FILES))


def _parse(hex_digits: str) -> Bytes:
    return np.frombuffer(bytes.fromhex(hex_digits), np.uint8)
