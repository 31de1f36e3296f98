"""Measures the exact index: a picture and a text, each against all rows.

python -m benchmarks.lookup.exact --rows 1000000 --scratch DIR
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.lookup.vectors import QUERY_COSINE, Stopwatch, iter_vectors, report_memory
from benchmarks.shared.measurement import print_figures
from seedwitness.corpus.index import read_faiss
from seedwitness.corpus.lookup import find_nearest
from seedwitness.corpus.recall import blur_vector
from seedwitness.corpus.vector_index import PrefilteredIndex

WIDTH, QUERIES, NEIGHBOURS = 512, 40, 10


def measure(rows: int, scratch: Path) -> dict[str, Any]:
    """Make two indexes of ``rows``, and the times of a query of both, plain and by codes first."""
    started = time.perf_counter()
    for seed, name in enumerate(("images", "texts")):
        index = faiss.IndexFlatIP(WIDTH)
        for vectors in iter_vectors(rows, WIDTH, seed):
            index.add(vectors)
        faiss.write_index(index, str(scratch / f"{name}.faiss"))
        del index
    made = time.perf_counter() - started
    plain = [read_faiss(scratch / f"{name}.faiss", "") for name in ("images", "texts")]
    started = time.perf_counter()
    fast = [PrefilteredIndex(index) for index in plain]
    opened = time.perf_counter() - started
    chosen = np.linspace(0, rows - 1, QUERIES).astype(int)
    queries = [
        [blur_vector(index.reconstruct(int(row)), int(row), QUERY_COSINE) for row in chosen]
        for index in plain
    ]
    watches = {"plain": Stopwatch(), "codes first": Stopwatch()}
    answers: dict[str, list[Any]] = {"plain": [], "codes first": []}
    for kind, pair in (("plain", plain), ("codes first", fast)):
        for image, text in zip(*queries, strict=True):
            with watches[kind].measure():
                found = [
                    find_nearest(index, query, NEIGHBOURS)
                    for index, query in zip(pair, (image, text), strict=True)
                ]
            answers[kind].append([[row for row, _ in each] for each in found])
    return {
        "rows": rows,
        "width": WIDTH,
        "queries": QUERIES,
        "threads": faiss.omp_get_max_threads(),
        "make_seconds": round(made, 1),
        "codes_seconds": round(opened, 1),
        "milliseconds": {kind: watch.report() for kind, watch in watches.items()},
        "load": round(os.getloadavg()[0], 1),
        "equal_answers": sum(
            a == b for a, b in zip(answers["plain"], answers["codes first"], strict=True)
        ),
        "memory_gb": report_memory(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--scratch", type=Path, required=True)
    arguments = parser.parse_args()
    print_figures(measure(arguments.rows, arguments.scratch))
