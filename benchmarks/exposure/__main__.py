"""Measures *exposed* on the lab, and writes the page.

    .venv/bin/python -m benchmarks.exposure docs/exposure.md docs/exposure.json [--negatives N]

Losses go to `data/exposure/` image by image, so an interrupted run can go on.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

from benchmarks.exposure.page import render_page
from benchmarks.shared.labs import LABS
from benchmarks.shared.measurement import Figures, run_benchmark
from seedwitness.runtime.devices import describe_machine
from seedwitness.runtime.files import write_whole

PARTS = {path.name: path for path in LABS}


def main() -> None:
    """Measure the labs that are named, and write page and figures after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("markdown", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    for name, default in (("negatives", 400), ("statistics", 60), ("portfolios", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    figures: Figures = {}
    if arguments.figures.exists():
        figures = json.loads(arguments.figures.read_text("utf-8"))
    for part in arguments.parts:
        measured = run_benchmark(
            "exposure.exposure_figures",
            *("--lab", str(PARTS[part])),
            *("--negatives", str(arguments.negatives)),
            *("--statistics", str(arguments.statistics)),
            *("--portfolios", str(arguments.portfolios)),
            *("--draws", str(arguments.draws)),
        )
        machine = describe_machine() | {"date": date.today().isoformat()}
        figures[part] = measured | {"machine": machine}
        write_whole(arguments.figures, json.dumps(figures, indent=1) + "\n")
        write_whole(arguments.markdown, render_page(figures))


if __name__ == "__main__":
    main()
