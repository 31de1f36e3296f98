"""How fast `publish` writes trials into MLflow's stores: seven metrics each, with their hashes.

    .venv/bin/python -m benchmarks.speed.publish [--trials 50000] [--few 2000]

Reports seconds, processor time and peak memory of the whole of `publish` (reading and hashing
files, parameters, metrics, table, artifacts) into SQLite, and into PostgreSQL where it is
installed. Each store is filled by a process of its own, once with many trials and once with few,
whose peak memory shows what the many add. The tables of the store exist before.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from benchmarks.shared import finished_project
from benchmarks.shared.measurement import ROOT, print_figures
from benchmarks.shared.postgresql import find_programs, running_postgresql
from seedwitness.config.verdicts import TrackingSettings

CASES = 2
SQLITE = TrackingSettings().uri


def measure_publish(uri: str) -> dict[str, Any]:
    """Publish the project in the current folder into the store, and measure it."""
    from seedwitness.tracking import publishing, store

    tracking = TrackingSettings(uri=uri)
    with store.open_store(tracking):
        pass  # creates the tables, which happens once in the life of a project
    clock, processor = perf_counter(), process_time()
    published = publishing.publish(tracking)
    clock, processor = perf_counter() - clock, process_time() - processor
    return {
        "trials": published.trials,
        "scores": published.scores,
        "seconds": round(clock, 2),
        "cpu_seconds": round(processor, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def measure_store(name: str, sizes: list[int]) -> dict[str, Any]:
    """Publish projects of so many trials a case into new stores of a kind; the largest first.

    The only checkpoint is its own reference, so that no scores of a second checkpoint are published
    and 7 metrics a trial is the whole work.
    """
    measured = []
    for trials in sizes:
        with TemporaryDirectory() as folder, _new_store(name) as uri:
            targets = [f"target-{number}" for number in range(CASES)]
            finished_project.write_project(
                Path(folder), targets, [finished_project.REFERENCE], trials
            )
            command = [sys.executable, "-m", "benchmarks.speed.publish", "--into", uri]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
            completed = subprocess.run(
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True
            )
            measured.append(json.loads(completed.stdout))
    many, few = measured
    return {"store": name, **many, "few": few}


@contextmanager
def _new_store(name: str) -> Iterator[str]:
    if name == "SQLite":
        yield SQLITE
        return
    with running_postgresql() as uri:
        yield uri


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=50_000, help="of each of the two cases")
    parser.add_argument("--few", type=int, default=2_000, help="of each case, to compare memory")
    parser.add_argument("--into", help="publish the current folder into this store, and no more")
    arguments = parser.parse_args()
    if arguments.into:
        print_figures(measure_publish(arguments.into))
    else:
        names = ["SQLite", *(["PostgreSQL"] if find_programs() else [])]
        sizes = [arguments.trials, arguments.few]
        stores = [measure_store(name, sizes) for name in names]
        print_figures({"benchmark": "publish", "stores": stores})
