"""The demonstration from a fresh clone, then `dvc repro` with nothing to do, then single stages.

    .venv/bin/python benchmarks/pipeline.py [--rounds 5]

Every stage is a process of its own here, as under plain `dvc repro`; figures are medians of whole
processes. A stage whose work is in the ledger shows what it costs to start.
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

ROOT = Path(__file__).parents[1]
CASE = ("planted-128", "lab-memorised")
WITHOUT_TORCH = {
    "identify": CASE[1:],
    "prepare": CASE[:1],
    "judge": CASE[:1],
    "protocol": (),
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


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds of a whole process and its children: on the clock, and of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = perf_counter()
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment())
    seconds = perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise SystemExit(
            f"{' '.join(command)} failed:\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
        )
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, spent


def environment() -> dict[str, str]:
    """Ours, with the commands of the environment that this runs in before all others."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path}


def middle(command: list[str], folder: Path, rounds: int) -> dict[str, float]:
    """Medians over ``rounds`` runs."""
    taken = [timed(command, folder) for _ in range(rounds)]
    clock, processor = (round(median(each), 2) for each in zip(*taken, strict=True))
    return {"seconds": clock, "processor_seconds": processor}


def measure(rounds: int) -> dict[str, object]:
    """Clone the last commit, run the demonstration, then all else in that clone."""
    with TemporaryDirectory() as scratch:
        clone = Path(scratch) / "seedwitness"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        (clone / ".venv").symlink_to(Path(sys.executable).parents[1])
        # The environment is in place: what made it is not asked again.
        seconds, spent = timed(["make", "-o", ".venv/ready", "demo"], clone)
        metrics = json.loads((clone / "data/overview/metrics.json").read_text())
        stages = {
            name: middle(["seedwitness", "stage", name, *keys], clone, rounds)
            for name, keys in {**WITHOUT_TORCH, **WITH_TORCH}.items()
        }
        return {
            "benchmark": "pipeline",
            "cores": os.cpu_count(),
            "demo": {"seconds": round(seconds, 1), "processor_seconds": round(spent, 1)},
            "findings": {name: each["finding"] for name, each in metrics["cases"].items()},
            "nothing_to_do": middle(["dvc", "repro"], clone, rounds),
            "stages_without_torch": {name: stages[name] for name in WITHOUT_TORCH},
            "stages_with_torch": {name: stages[name] for name in WITH_TORCH},
            "rounds": rounds,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    sys.stdout.write(json.dumps(measure(parser.parse_args().rounds), indent=1) + "\n")
