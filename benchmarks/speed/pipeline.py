"""Seconds of the demonstration from a fresh clone, of `dvc repro` with nothing to do, of stages.

    .venv/bin/python -m benchmarks.speed.pipeline [--rounds 5]

Each stage runs in a process of its own, as under plain `dvc repro`; figures are medians over the
rounds. A stage whose results are in the latent cache shows what starting and finishing it costs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.shared.measurement import ROOT, print_figures
from seedwitness.runtime.cores import count_available_cores

CASE = ("planted-128", "lab-memorised")
WITHOUT_TORCH = {
    "identify": CASE[1:],
    "prepare": CASE[:1],
    "judge": CASE[:1],
    "plan": (),
    "report": CASE[:1],
    "overview": (),
}
WITH_TORCH = {
    "recover": CASE[:1],
    "lookup": CASE[:1],
    "search": CASE,
    "replay": CASE,
    "score": CASE,
}
"""Stages with the target and the checkpoint that they are given."""


def time_process(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds of a process and its children in ``folder``: on the clock, and of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = perf_counter()
    completed = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=environment()
    )
    seconds = perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if completed.returncode:
        raise SystemExit(
            f"{' '.join(command)} failed with code {completed.returncode}:\n"
            f"{completed.stdout[-2000:]}{completed.stderr[-4000:]}"
        )
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def environment() -> dict[str, str]:
    """This process's environment, with the commands beside this Python first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path}


def median_times(command: list[str], folder: Path, rounds: int) -> dict[str, float]:
    """Median seconds of a command over ``rounds`` runs, by the clock and of the processor."""
    times = [time_process(command, folder) for _ in range(rounds)]
    clock, processor = (round(median(values), 2) for values in zip(*times, strict=True))
    return {"seconds": clock, "processor_seconds": processor}


def measure_pipeline(rounds: int) -> dict[str, object]:
    """Clone the last commit, run the demonstration there, then everything else in that clone."""
    with TemporaryDirectory() as scratch:
        clone = Path(scratch) / "seedwitness"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        (clone / ".venv").symlink_to(Path(sys.executable).parents[1])
        # The environment is in place, so make must not set it up again.
        seconds, processor = time_process(["make", "-o", ".venv/ready", "demo"], clone)
        metrics = json.loads((clone / "data/overview/metrics.json").read_text())
        stages = {
            name: median_times(["seedwitness", "stage", name, *keys], clone, rounds)
            for name, keys in {**WITHOUT_TORCH, **WITH_TORCH}.items()
        }
        return {
            "benchmark": "pipeline",
            "cores": count_available_cores(),
            "demo": {"seconds": round(seconds, 1), "processor_seconds": round(processor, 1)},
            "findings": {name: case["finding"] for name, case in metrics["cases"].items()},
            "nothing_to_do": median_times(["dvc", "repro"], clone, rounds),
            "stages_without_torch": {name: stages[name] for name in WITHOUT_TORCH},
            "stages_with_torch": {name: stages[name] for name in WITH_TORCH},
            "rounds": rounds,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    print_figures(measure_pipeline(parser.parse_args().rounds))
