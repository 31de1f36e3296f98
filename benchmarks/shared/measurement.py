"""Runs the benchmarks of a page part by part; writes page and figures after each part."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path
from typing import Any

from seedwitness.runtime.devices import describe_machine
from seedwitness.runtime.files import write_whole

ROOT = Path(__file__).parents[2]
"""The project's folder."""

Figures = dict[str, Any]


def run_benchmark(module: str, *arguments: str) -> Figures:
    """Run ``benchmarks.MODULE`` in a process of its own and return the figures that it prints.

    A process of its own keeps memory, imports and caches of one benchmark out of the next.
    """
    sys.stderr.write(f"benchmarks.{module} …\n")
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    completed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(completed.stdout)
    return figures


def print_figures(figures: object) -> None:
    """Write the figures of a benchmark to stdout, as JSON."""
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


def write_page(
    description: str,
    parts: Collection[str],
    measure_part: Callable[[str, Path], Figures],
    render_page: Callable[[Figures], str],
) -> None:
    """Measure the parts that the command line names, and write page and figures after each one.

    The machine and the date are recorded with each part. Parts that are not named keep their
    figures, so an interrupted run can go on. ``measure_part`` receives the name of the part and the
    page's folder, where it may put plots and tables.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("markdown", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--parts", nargs="+", choices=list(parts), default=list(parts))
    arguments = parser.parse_args()
    figures: Figures = {}
    if arguments.figures.exists():
        figures = json.loads(arguments.figures.read_text("utf-8"))
    for part in arguments.parts:
        measured = measure_part(part, arguments.markdown.parent)
        machine = describe_machine() | {"date": date.today().isoformat()}
        figures[part] = measured | {"machine": machine}
        write_whole(arguments.figures, json.dumps(figures, indent=1) + "\n")
        write_whole(arguments.markdown, render_page(figures))
