"""How fast `publish` writes trials into SQLite: seven metrics each, with their hashes.

    .venv/bin/python benchmarks/publish.py [TRIALS]

Prints one line of JSON: trials a second of the whole of `publish` (reading and hashing the files,
parameters, metrics, table, artifacts), and of the calls that log the metrics alone.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import projects

from seedwitness.config.verdicts import TrackingSettings


def measure(trials: int, cases: int = 2) -> dict[str, object]:
    """Publish ``cases`` cases of ``trials`` trials into a new database, and time it.

    Only the cases against the reference are counted at 7 metrics: the checkpoint itself is its
    reference here, so that no score by another one comes on top.
    """
    from seedwitness.tracking import publishing, store

    targets = [f"target-{number}" for number in range(cases)]
    projects.write(Path(), targets, [projects.REFERENCE], trials)
    tracking = TrackingSettings()
    with store.opened(tracking):
        pass  # the tables are made once in a project's life
    spent = 0.0
    log_scores = store.log_scores

    def timed(*arguments: Any) -> None:
        nonlocal spent
        before = perf_counter()
        log_scores(*arguments)
        spent += perf_counter() - before

    vars(store)["log_scores"] = timed
    before, cpu = perf_counter(), process_time()
    published = publishing.publish(tracking)
    seconds, cpu = perf_counter() - before, process_time() - cpu
    count = sum(case.trials for case in published.cases.values())
    return {
        "benchmark": "publish",
        "trials": count,
        "scores": sum(case.scores for case in published.cases.values()),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "trials_per_second": round(count / seconds),
        "trials_per_cpu_second": round(count / cpu),
        "trials_per_second_metrics_alone": round(count / spent),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
        sys.stdout.write(json.dumps(found) + "\n")
        os.chdir("/")
