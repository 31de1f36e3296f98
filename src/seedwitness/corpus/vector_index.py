"""Indexes of unit vectors: exact up to a million rows, IVF-PQ with exact re-scoring above.

Each has faiss's ``ntotal``, ``d``, ``search``, ``range_search`` and ``reconstruct``; a similarity
is always the exact cosine of the stored vectors, never that of a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedwitness.config.inputs import IvfSettings

Vectors = NDArray[np.float32]
FLAT_KIND = "faiss IndexFlatIP: exact, by cosine"
TRAINING_ROWS_PER_LIST = 64
ADD_ROWS = 100_000
INT8_LEVELS = 127


def make_flat_index(vectors: Vectors) -> Any:
    """Make an exact faiss index by inner product over ``vectors`` [n, d]."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors))
    return index


def describe_ivf(settings: IvfSettings, lists: int) -> str:
    """Describe an IVF-PQ index for the record."""
    return (
        f"faiss IVF{lists},PQ{2 * settings.code_bytes}x4fs: {settings.probes} lists searched, the "
        f"best {settings.rescored} re-scored by the cosine of their float16 vectors"
    )


def count_lists(rows: int, settings: IvfSettings) -> int:
    """The number of lists of an IVF index: as configured, else about the square root of the rows.

    A power of two, and at least a list for each probe.
    """
    if settings.lists:
        return settings.lists
    return max(settings.probes, 1 << round(log2(max(1, rows) ** 0.5)))


def build_ivf(vectors: Any, settings: IvfSettings) -> Any:
    """Build IVF-PQ (Jégou et al., PAMI 2011) over ``vectors`` [n, d] of unit length, in pieces.

    ``vectors`` may be a memory map of float16: no more than ``ADD_ROWS`` rows are in memory. Equal
    vectors give an equal index. Raises ValueError if d is not a multiple of the code's parts.
    """
    import faiss

    count, width = vectors.shape
    lists = count_lists(count, settings)
    parts = 2 * settings.code_bytes  # of four bits each
    if width % parts:
        raise ValueError(f"{width} dimensions do not divide into {parts} parts of a code")
    quantizer = faiss.IndexFlatIP(width)
    index = faiss.IndexIVFPQFastScan(quantizer, width, lists, parts, 4, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed = settings.iterations, 1
    step = max(1, count // (lists * TRAINING_ROWS_PER_LIST))
    index.train(np.ascontiguousarray(vectors[::step], dtype=np.float32))
    for start in range(0, count, ADD_ROWS):
        index.add(np.ascontiguousarray(vectors[start : start + ADD_ROWS], dtype=np.float32))
    index.nprobe = settings.probes
    return index


@dataclass(frozen=True)
class RescoredIndex:
    """IVF-PQ whose best candidates are re-scored by the vectors themselves, mapped from disk."""

    codes: Any
    vectors: Any  # [n, d], float16
    settings: IvfSettings

    @property
    def ntotal(self) -> int:
        """The number of rows."""
        return int(self.codes.ntotal)

    @property
    def d(self) -> int:
        """The width of a vector."""
        return int(self.codes.d)

    def reconstruct(self, row: int) -> Vectors:
        """Read the vector of a row: [d]."""
        return np.asarray(self.vectors[row], np.float32)

    def search(self, queries: Vectors, limit: int) -> tuple[Vectors, NDArray[np.int64]]:
        """Search the nearest rows of every query [n, d]: cosines and rows, [n, limit] each.

        Where fewer are found, cosines are -inf and rows -1.
        """
        import faiss

        similarities = np.full((len(queries), limit), -np.inf, np.float32)
        rows = np.full((len(queries), limit), -1, np.int64)
        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = self.settings.probes
        count = min(max(limit, self.settings.rescored), self.ntotal)
        for number, query in enumerate(queries):
            _, candidates = self.codes.search(query[None], count, params=parameters)
            found = np.sort(candidates[0][candidates[0] >= 0])  # sorted: read in order of the disk
            exact = self.vectors[found].astype(np.float32) @ query
            order = np.lexsort((found, -exact))[:limit]
            similarities[number, : len(order)] = exact[order]
            rows[number, : len(order)] = found[order]
        return similarities, rows

    def range_search(self, query: Vectors, threshold: float) -> tuple[Any, Any, Any]:
        """Find the rows whose cosine with ``query`` [1, d] is above ``threshold``, as faiss does.

        Rows of lists that are not searched are missed: the number is a lower bound.
        """
        limit = self.settings.rescored
        while True:
            similarities, rows = self.search(query, min(limit, self.ntotal))
            if similarities[0, -1] <= threshold or limit >= self.ntotal:
                break
            limit *= 4
        is_above = similarities[0] > threshold
        limits = np.array([0, is_above.sum()])
        return limits, similarities[0][is_above], rows[0][is_above]


class PrefilteredIndex:
    """An exact index that reads a quarter of the bytes: codes of 8 bits first, then exact cosines.

    faiss multiplies the codes of query and row as whole numbers. Such a cosine is off by at most
    the norms of the rounding errors times those of what they are multiplied by (Cauchy–Schwarz).
    Rows are taken by their codes until no other row can be among the nearest, so the answer is that
    of the exact index. The codes are made when it is opened, which takes seconds for
    a million rows, so it is worth it for more than one query.
    """

    def __init__(self, flat: Any) -> None:
        import faiss

        self.flat = flat
        self.ntotal, self.d = int(flat.ntotal), int(flat.d)
        self._vectors = faiss.rev_swig_ptr(flat.get_xb(), self.ntotal * self.d).reshape(
            self.ntotal, self.d
        )
        largest = np.zeros(self.d, np.float32)
        for start in range(0, self.ntotal, ADD_ROWS):
            chunk = np.abs(self._vectors[start : start + ADD_ROWS]).max(axis=0)
            largest = np.maximum(largest, chunk)
        self._scale = np.where(largest > 0, largest, 1).astype(np.float32) / INT8_LEVELS
        self._codes = faiss.IndexScalarQuantizer(
            self.d, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
        )
        self._max_error = self._max_norm = 0.0
        for start in range(0, self.ntotal, ADD_ROWS):
            vectors = self._vectors[start : start + ADD_ROWS]
            codes = np.rint(vectors / self._scale)
            errors = np.linalg.norm(vectors - codes * self._scale, axis=1)
            self._max_error = max(self._max_error, float(errors.max()))
            self._max_norm = max(self._max_norm, float(np.linalg.norm(codes, axis=1).max()))
            self._codes.add(codes.astype(np.float32))

    def reconstruct(self, row: int) -> Vectors:
        """Read the vector of a row: [d]."""
        return np.array(self._vectors[row])

    def range_search(self, query: Vectors, threshold: float) -> Any:
        """Find the rows whose cosine with ``query`` [1, d] is above ``threshold``."""
        return self.flat.range_search(query, threshold)

    def search(self, queries: Vectors, limit: int) -> tuple[Vectors, NDArray[np.int64]]:
        """Search the nearest rows of every query [n, d]: cosines and rows, [n, limit] each."""
        found = [self._search_one(query, min(limit, self.ntotal)) for query in queries]
        return np.stack([each for each, _ in found]), np.stack([each for _, each in found])

    def _search_one(self, query: Vectors, limit: int) -> tuple[Vectors, NDArray[np.int64]]:
        scaled = query * self._scale
        step = float(np.abs(scaled).max()) / INT8_LEVELS or 1.0
        code = np.rint(scaled / step).astype(np.float32)
        margin = (
            self._max_error * float(np.linalg.norm(query))
            + self._max_norm * float(np.linalg.norm(scaled - code * step))
            + 1e-6  # float32's own rounding
        )
        count = min(self.ntotal, 4 * limit + 64)
        while True:
            products, candidates = self._codes.search(code[None], count)
            rows = candidates[0]
            exact = self._vectors[rows] @ query
            order = np.lexsort((rows, -exact))[:limit]
            no_other_can_be_nearer = exact[order[-1]] > products[0, -1] * step + margin
            if no_other_can_be_nearer or count == self.ntotal:
                return exact[order], rows[order]
            count = min(self.ntotal, 4 * count)
