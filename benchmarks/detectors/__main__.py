"""Measures the detectors on every lab, and writes the page.

    .venv/bin/python -m benchmarks.detectors docs/detectors.md docs/detectors.json [--parts …]

A part is a lab; that of the tiles is measured only where the tiles exist. Results go to
`data/detectors/` one by one, so an interrupted run can go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.detectors.auc_plot import plot_auc
from benchmarks.detectors.page import render_page
from benchmarks.detectors.prompts import COSTLY, TRAINING_CAPTION
from benchmarks.shared.labs import LABS
from benchmarks.shared.measurement import run_benchmark, write_page

SCRATCH = Path("data/detectors")
PARTS = {path.name: path for path in LABS}


def measure_part(part: str, docs: Path) -> dict[str, Any]:
    """Every detector on one lab; the costly one under the training caption alone."""
    common = ("--lab", str(PARTS[part]), "--scratch", str(SCRATCH))
    figures = run_benchmark("detectors.detector_figures", *common)
    costly = run_benchmark(
        "detectors.detector_figures",
        *common,
        *("--detectors", COSTLY, "--prompts", TRAINING_CAPTION),
    )
    figures["figures"] += [row for row in costly["figures"] if row["detector"] == COSTLY]
    plot_auc(figures, docs / "images" / "detectors" / f"{part}.png")
    return figures


if __name__ == "__main__":
    write_page(__doc__ or "", PARTS, measure_part, render_page)
