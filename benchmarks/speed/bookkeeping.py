"""Seconds that DVC spends on bookkeeping, by the number of targets.

    .venv/bin/python -m benchmarks.speed.bookkeeping [--targets 8 50 200] [--rounds 3]

Each project has the pipeline of this one, with stubs for commands (`stub_project.py`), and every
stage has finished. Measured are `dvc repro` with nothing to do, and `dvc repro` after one more
target was added, whose stages and whatever follows from them run. Figures are medians of whole
processes over the rounds; every round adds a target of its own.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.shared.measurement import print_figures
from benchmarks.speed.pipeline import time_process
from benchmarks.speed.stub_project import StubProject

REPRO = ["dvc", "repro"]


def measure_project(targets: int, rounds: int) -> dict[str, Any]:
    """Seconds for a project of so many targets: with nothing to do, and after one was added."""
    with TemporaryDirectory() as folder:
        project = StubProject(Path(folder) / "project", targets)
        stages = project.count_stages()
        no_op = [time_process(REPRO, project.root) for _ in range(rounds)]
        one_more = []
        for _ in range(rounds):
            project.add_target()
            one_more.append(time_process(REPRO, project.root))
        figures = {
            "targets": targets,
            "checkpoints": project.checkpoints,
            "stages": stages,
            "no_op": summarise_times(no_op),
            "one_more": summarise_times(one_more),
        }
        sys.stderr.write(f"{figures}\n")
        return figures


def summarise_times(times: list[tuple[float, float]]) -> dict[str, Any]:
    """Medians by the clock and of the processor, and every round by the clock."""
    clock, processor = zip(*times, strict=True)
    return {
        "seconds": round(median(clock), 2),
        "processor_seconds": round(median(processor), 2),
        "rounds": [round(seconds, 2) for seconds in clock],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--targets", type=int, nargs="+", default=[8, 50, 200])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with redirect_stdout(sys.stderr):  # DVC may print there, and it is for figures alone
        projects = [measure_project(number, arguments.rounds) for number in arguments.targets]
    print_figures({"benchmark": "bookkeeping", "projects": projects})
