"""Measures the search of captions and URLs in parquet by DuckDB.

    python -m benchmarks.lookup.tables make|caption|url --rows 100000000 --scratch DIR

Each search is a process of its own; the first after the files left the page cache is the cold one.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.lookup.vectors import report_memory
from benchmarks.shared.measurement import print_figures
from seedwitness.corpus.table_search import TableQuery, search_tables

FILE_ROWS = 2_000_000
WORDS = (
    *("red", "blue", "old", "small", "quiet", "golden", "broken", "winter", "paper", "stone"),
    *("fox", "owl", "boat", "house", "tree", "river", "garden", "portrait", "bridge", "horse"),
    *("in", "on", "under", "beside", "with", "at night", "by the sea", "oil on canvas", "photo"),
)
THREADS = 2


def make(rows: int, folder: Path) -> dict[str, Any]:
    """Make tables of captions and URLs as long as those of LAION are."""
    started = time.perf_counter()
    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "1500MB"})
    words = ", ".join(f"'{word}'" for word in WORDS)
    for number, start in enumerate(range(0, rows, FILE_ROWS)):
        end = min(start + FILE_ROWS, rows)
        chosen = " || ' ' || ".join(
            f"([{words}])[1 + (hash(i * 16 + {each}) % {len(WORDS)})::INTEGER]" for each in range(7)
        )
        connection.execute(
            f"COPY (SELECT 'https://images.example.org/' || (hash(i) % 5000) || '/' || i || '.jpg' "
            f"AS url, {chosen} || ' ' || i AS caption FROM range({start}, {end}) t(i)) "
            f"TO '{folder}/part-{number:04d}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    files = sorted(folder.glob("*.parquet"))
    return {
        "rows": rows,
        "files": len(files),
        "gb": round(sum(path.stat().st_size for path in files) / 1e9, 2),
        "make_seconds": round(time.perf_counter() - started, 1),
    }


def search(rows: int, folder: Path, question: str, cold: bool) -> dict[str, Any]:
    """Search once for the caption or the URL of a row in the middle."""
    if cold:
        for path in folder.glob("*.parquet"):
            with path.open("rb") as file:  # leaves the page cache
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    row = rows // 2
    query = TableQuery(text=f" {row}") if question == "caption" else TableQuery(url=_url(row))
    started, processor = time.perf_counter(), time.process_time()
    answer = search_tables(folder, query, threads=THREADS)
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "processor_seconds": round(time.process_time() - processor, 2),
        "load": round(os.getloadavg()[0], 1),
        "found": answer.total,
        "share": answer.share,
        "memory_gb": report_memory(),
    }


def _url(row: int) -> str:
    [[bucket]] = duckdb.connect().execute(f"SELECT hash({row}::BIGINT) % 5000").fetchall()
    return f"https://images.example.org/{bucket}/{row}.jpg"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("make", "caption", "url"))
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--cold", action="store_true")
    arguments = parser.parse_args()
    if arguments.step == "make":
        print_figures(make(arguments.rows, arguments.scratch))
    else:
        given = arguments.rows, arguments.scratch, arguments.step, arguments.cold
        print_figures(search(*given))
