"""Measures IVF-PQ with exact re-scoring: building, recall, times and memory.

    python -m benchmarks.lookup.ivf build|query --rows 10000000 --scratch DIR

Two processes, so that the memory of a query is that of a query.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.lookup.vectors import QUERY_COSINE, Stopwatch, report_memory, write_vectors
from benchmarks.shared.measurement import print_figures
from seedwitness.config.inputs import IvfSettings
from seedwitness.corpus.index import read_faiss
from seedwitness.corpus.lookup import find_nearest
from seedwitness.corpus.recall import blur_vector, measure_recall_at_1, measure_recall_at_10
from seedwitness.corpus.vector_index import RescoredIndex, build_ivf, count_lists, describe_ivf

WIDTH, QUERIES = 512, 200
CODES, VECTORS = "images.faiss", "images.npy"


def build(rows: int, scratch: Path, settings: IvfSettings) -> dict[str, Any]:
    """Make vectors and index them."""
    started = time.perf_counter()
    vectors = write_vectors(scratch / VECTORS, rows, WIDTH)
    made = time.perf_counter() - started
    started = time.perf_counter()
    codes = build_ivf(vectors, settings)
    seconds = time.perf_counter() - started
    faiss.write_index(codes, str(scratch / CODES))
    return {
        "rows": rows,
        "width": WIDTH,
        "kind": describe_ivf(settings, count_lists(rows, settings)),
        "threads": faiss.omp_get_max_threads(),
        "vectors_seconds": round(made, 1),
        "seconds": round(seconds, 1),
        "rows_per_second": round(rows / seconds),
        "codes_gb": round((scratch / CODES).stat().st_size / 1e9, 2),
        "memory_gb": report_memory(),
    }


def query(scratch: Path, settings: IvfSettings) -> dict[str, Any]:
    """Query the index: times and memory first, then recall against an exact search."""
    codes = read_faiss(scratch / CODES, "")
    vectors = np.load(scratch / VECTORS, mmap_mode="r")
    index = RescoredIndex(codes, vectors, settings)
    chosen = np.linspace(0, index.ntotal - 1, QUERIES).astype(int).tolist()
    queries = np.stack([blur_vector(index.reconstruct(row), row, QUERY_COSINE) for row in chosen])
    watches = {"first": Stopwatch(), "again": Stopwatch()}
    for watch in watches.values():
        for each in queries:
            with watch.measure():
                find_nearest(index, each, 10)
    memory = report_memory()
    return {
        "queries": QUERIES,
        "milliseconds": {kind: watch.report() for kind, watch in watches.items()},
        "load": round(os.getloadavg()[0], 1),
        "query_memory_gb": memory,
        "recall_at_10": round(measure_recall_at_10(index, vectors, queries), 4),
        "recall_at_1": round(measure_recall_at_1(index, queries, chosen, [""] * index.ntotal), 4),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("build", "query"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--lists", type=int)
    parser.add_argument("--probes", type=int, default=IvfSettings().probes)
    parser.add_argument("--rescored", type=int, default=IvfSettings().rescored)
    arguments = parser.parse_args()
    settings = IvfSettings(
        lists=arguments.lists, probes=arguments.probes, rescored=arguments.rescored
    )
    if arguments.step == "build":
        print_figures(build(arguments.rows, arguments.scratch, settings))
    else:
        print_figures(query(arguments.scratch, settings))
