"""Embeddings in ``.npy`` files, read in pieces through memory maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seedwitness.corpus.sources.items import Vector
from seedwitness.errors import RecordError

PART_ROWS = 65_536


@dataclass(frozen=True)
class VectorFile:
    """One file of embeddings [rows, width] of floating-point numbers."""

    path: Path
    rows: int
    width: int

    def read(self, start: int, end: int) -> Any:
        """Read the rows from ``start`` to ``end`` as float32 [n, width]."""
        return np.load(self.path, mmap_mode="r")[start:end].astype(np.float32)


def open_vector_files(paths: Sequence[Path]) -> list[VectorFile]:
    """Open ``.npy`` files. Raises RecordError, which names the file that is damaged."""
    files = []
    for path in paths:
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise RecordError(
                f"{path} cannot be read as .npy: {error}. It may be half-written: fetch it again."
            ) from error
        if array.ndim != 2 or array.dtype.kind != "f":
            raise RecordError(
                f"{path} holds {array.dtype} of shape {array.shape}, no embeddings: these are "
                "floating-point numbers, one row a picture."
            )
        files.append(VectorFile(path, *map(int, array.shape)))
    return files


def find_width(files: Sequence[VectorFile]) -> int:
    """The width of most rows; files of another width do not belong to them."""
    rows: Counter[int] = Counter()
    for file in files:
        rows[file.width] += file.rows
    return rows.most_common(1)[0][0]


def split_rows(rows: int, part_rows: int = PART_ROWS) -> Iterator[tuple[int, int]]:
    """Split a number of rows into ranges of at most ``part_rows``."""
    for start in range(0, rows, part_rows):
        yield start, min(start + part_rows, rows)


def find_defect(vector: Vector, width: int) -> str:
    """What is wrong with an embedding; empty if nothing is."""
    if vector.ndim != 1 or len(vector) != width:
        return f"its shape is {vector.shape}, others have ({width},)"
    if not np.isfinite(vector).all():
        return "it is not finite"
    return "" if vector.any() else "it is zero"
