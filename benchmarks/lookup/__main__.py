"""Measures lookups and writes the page.

    .venv/bin/python -m benchmarks.lookup docs/lookup.md docs/lookup.json [--parts exact …]

The sizes are those that two shared cores measure in a quarter of an hour; SEEDWITNESS_LOOKUP_ROWS
sets other ones, such as `ivf=10000000,tables=100000000`. Scratch files, up to a hundred bytes a row
of a table and a kilobyte a vector, go to a temporary folder and are removed.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.lookup.page import render_page
from benchmarks.shared.measurement import run_benchmark, write_page

ROWS = {"exact": 1_000_000, "ivf": 1_000_000, "tables": 20_000_000}
VARIABLE = "SEEDWITNESS_LOOKUP_ROWS"


def measure_part(part: str, _: Path) -> dict[str, Any]:
    """The figures of one part."""
    rows = ROWS | {
        name: int(count)
        for name, _, count in (
            each.partition("=") for each in os.environ.get(VARIABLE, "").split(",") if each
        )
    }
    with TemporaryDirectory(prefix="seedwitness-lookup-") as scratch:
        if part == "lab":
            return run_benchmark("lookup.lab", "--scratch", scratch)
        sized = ["--rows", str(rows[part]), "--scratch", scratch]
        if part == "exact":
            return run_benchmark("lookup.exact", *sized)
        if part == "ivf":
            built = run_benchmark("lookup.ivf", "build", *sized)
            return built | run_benchmark("lookup.ivf", "query", *sized)
        made = run_benchmark("lookup.tables", "make", *sized)
        searches = {
            question: {
                "cold": run_benchmark("lookup.tables", question, *sized, "--cold"),
                "warm": run_benchmark("lookup.tables", question, *sized),
            }
            for question in ("caption", "url")
        }
        return made | {"searches": searches}


if __name__ == "__main__":
    write_page(__doc__ or "", ("exact", "tables", "lab", "ivf"), measure_part, render_page)
