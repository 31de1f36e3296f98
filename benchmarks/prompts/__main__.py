"""Measures prompt recovery on the lab whose captions are known, and writes the page.

    .venv/bin/python -m benchmarks.prompts docs/prompts.md docs/prompts.json [--planted N]
        [--held-out N]

Without arguments it takes a quarter of an hour of one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from benchmarks.prompts.measurement import measure_lab
from benchmarks.prompts.page import render_page
from seedlab.lab_folder import open_lab
from seedwitness.runtime.devices import describe_machine
from seedwitness.runtime.files import write_whole


def main() -> None:
    """Measure, and write figures and page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("markdown", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--lab", type=Path, default=Path("data/lab"))
    parser.add_argument("--planted", type=int, default=24, help="pictures of each planted group")
    parser.add_argument("--held-out", type=int, default=100, help="pictures that nothing saw")
    arguments = parser.parse_args()

    def report(line: str) -> None:
        sys.stderr.write(line + "\n")

    lab = open_lab(arguments.lab)
    measured = measure_lab(lab, arguments.planted, arguments.held_out, report)
    machine = describe_machine() | {"date": date.today().isoformat()}
    figures = {lab.name: measured | {"machine": machine}}
    write_whole(arguments.figures, json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    write_whole(arguments.markdown, render_page(figures))


if __name__ == "__main__":
    main()
