"""Vectors in place of a model's: unit vectors in clusters, made in pieces."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECE_ROWS = 100_000
ROWS_PER_CLUSTER = 200
SPREAD = 0.7
"""Length of a vector's noise beside its centre's length of 1: a cosine of about 0.67 in a
cluster."""

QUERY_COSINE = 0.9
WHAT = (
    f"random unit vectors in clusters of {ROWS_PER_CLUSTER} (cosine within a cluster about "
    f"{1 / (1 + SPREAD**2):.2f}), made here; queries are rows turned to a cosine of "
    f"{QUERY_COSINE:g}. They are not CLIP's, whose recall may differ."
)


def iter_vectors(rows: int, width: int, seed: int = 0) -> Iterator[NDArray[np.float32]]:
    """Make vectors of unit length, [at most PIECE_ROWS, width] at a time."""
    for start in range(0, rows, PIECE_ROWS):
        rng = np.random.default_rng([seed, start])
        count = min(PIECE_ROWS, rows - start)
        centres = rng.standard_normal((-(-count // ROWS_PER_CLUSTER), width), np.float32)
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        noise = rng.standard_normal((count, width), np.float32) * (SPREAD / width**0.5)
        vectors = centres[np.arange(count) // ROWS_PER_CLUSTER] + noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rng.shuffle(vectors)
        yield vectors


def write_vectors(path: Path, rows: int, width: int) -> Any:
    """Write vectors as float16 .npy, and map them."""
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(rows, width))
    start = 0
    for vectors in iter_vectors(rows, width):
        mapped[start : start + len(vectors)] = vectors
        start += len(vectors)
    mapped.flush()
    del mapped
    return np.load(path, mmap_mode="r")


class Stopwatch:
    """Times of repeated work: on the clock, and of this process's threads on the processors.

    On a machine that others use at the same time, the second is what the work itself takes.
    """

    def __init__(self) -> None:
        self.clock: list[float] = []
        self.processor: list[float] = []

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure the block once."""
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.clock.append(time.perf_counter() - clock)
        self.processor.append(time.process_time() - processor)

    def report(self) -> dict[str, float]:
        """Milliseconds: median and largest on the clock, and the median on the processors."""
        return {
            "median": round(1000 * float(np.median(self.clock)), 2),
            "largest": round(1000 * max(self.clock), 1),
            "processor": round(1000 * float(np.median(self.processor)), 2),
        }


def report_memory() -> float:
    """The largest memory of this process so far, in GB, pages of mapped files included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(round(peak * (1 if sys.platform == "darwin" else 1024) / 1e9, 2))
