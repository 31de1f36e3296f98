"""How long a stage takes to start, without its work.

    .venv/bin/python -m benchmarks.speed.startup [--rounds 5]

In a process of its own a stage starts with the interpreter, the command line and everything that
the stage imports. Under `seedwitness run` it starts as a fork of a process that has imported all
this; that is measured by a stage that does not exist, which the fork reports. Figures are medians
of whole processes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from benchmarks.shared.measurement import print_figures
from benchmarks.speed.pipeline import WITH_TORCH, WITHOUT_TORCH
from seedwitness import stages
from seedwitness.runtime import fork_server
from seedwitness.runtime.code_graph import code_files

IMPORTS = (
    "import sys; from importlib import import_module; [import_module(n) for n in sys.argv[1:]]"
)
COMMAND = str(Path(sys.executable).parent / "seedwitness")


def time_process(command: list[str], environment: dict[str, str] | None, code: int) -> float:
    """Seconds of a whole process, which has to end with exit code ``code``."""
    start = perf_counter()
    completed = subprocess.run(command, env=environment, capture_output=True, text=True)
    seconds = perf_counter() - start
    if completed.returncode != code:
        raise SystemExit(f"{' '.join(command[:4])} … failed:\n{completed.stderr[-4000:]}")
    return seconds


def stage_modules() -> dict[str, list[str]]:
    """By stage, the modules that it runs, the command line first."""
    modules = {}
    for stage in (*WITHOUT_TORCH, *WITH_TORCH):
        paths = [Path(path) for path in code_files(f"{stages.__name__}.{stage}")]
        names = [
            ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            for path in paths
            if path.suffix == ".py"
        ]
        modules[stage] = ["seedwitness.cli", *names]
    return modules


def measure_startup(rounds: int) -> dict[str, object]:
    """Median start of each stage; stages take turns, so that a busy moment falls on all of them."""
    modules = stage_modules()
    times: dict[str, list[float]] = {stage: [] for stage in modules}
    forks = []
    with fork_server.running_server() as environment:
        unknown_stage = [COMMAND, "stage", "none"]
        while not Path(environment[fork_server.SOCKET_VARIABLE]).exists():
            sleep(0.1)
        time_process(unknown_stage, environment, 1)  # waits until everything is imported
        for _ in range(rounds):
            forks.append(time_process(unknown_stage, environment, 1))
            for stage, names in modules.items():
                command = [sys.executable, "-c", IMPORTS, *names]
                times[stage].append(time_process(command, None, 0))
    medians = {stage: round(median(seconds), 2) for stage, seconds in times.items()}
    return {
        "benchmark": "startup",
        "rounds": rounds,
        "fork": round(median(forks), 2),
        "without_torch": {stage: medians[stage] for stage in WITHOUT_TORCH},
        "with_torch": {stage: medians[stage] for stage in WITH_TORCH},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    print_figures(measure_startup(parser.parse_args().rounds))
