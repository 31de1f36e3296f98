"""Measures the seed scan and the search strategies, and writes the page.

    .venv/bin/python -m benchmarks.seeds docs/seeds.md docs/seeds.json [--parts speed …]

Needs the demonstration's index: `make demo`. Both files are written after each part, and results
within a part go to `data/seeds/`, so an interrupted run can go on.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmarks.seeds.page import render_page
from benchmarks.shared.measurement import run_benchmark, write_page
from seedwitness.runtime.devices import gpu_name

SCRATCH = Path("data/seeds")
MODULES = {
    "speed": "scan_speed",
    "recovery": "seed_recovery",
    "whole": "full_scan",
    "strategies": "strategies",
}
if gpu_name():
    MODULES["gpu"] = "scan_speed"

ARGUMENTS = {
    "speed": ["--whole"],
    "gpu": ["--whole"],
    "recovery": [],
    "whole": ["--scratch", str(SCRATCH / "scans")],
    "strategies": ["--scratch", str(SCRATCH / "strategies")],
}


def measure_part(part: str, _: Path) -> dict[str, Any]:
    """The figures of one part."""
    return run_benchmark(f"seeds.{MODULES[part]}", *ARGUMENTS[part])


if __name__ == "__main__":
    write_page(__doc__ or "", MODULES, measure_part, render_page)
    shutil.rmtree(SCRATCH, ignore_errors=True)
