"""Measures speed and writes the page: every benchmark in turn, each in a process of its own.

    .venv/bin/python -m benchmarks.speed docs/benchmarks.md docs/benchmarks.json [--parts engine …]

Both files are written after each part, so an interrupted run can go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.shared.measurement import ROOT, run_benchmark, write_page
from benchmarks.speed.page import SECTIONS, render_page
from seedwitness.runtime.devices import gpu_name

CHECKPOINT = ROOT / "data/lab/checkpoints/lab-memorised"
PARTS = [part for part in SECTIONS if part != "gpu" or gpu_name()]
MODULES = {"gpu": "engine"}
ARGUMENTS = {"engine": ("--checkpoint", str(CHECKPOINT))}


def measure_part(part: str, _: Path) -> dict[str, Any]:
    """The figures of one part."""
    module = MODULES.get(part, part)
    return run_benchmark(f"speed.{module}", *ARGUMENTS.get(module, ()))


if __name__ == "__main__":
    write_page(__doc__ or "", PARTS, measure_part, render_page)
