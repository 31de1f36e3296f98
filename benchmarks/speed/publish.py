"""How fast `publish` writes trials into SQLite: seven metrics each, with their hashes.

    .venv/bin/python -m benchmarks.speed.publish [--trials 4000]

Reports trials a second of the whole of `publish` (reading and hashing files, parameters, metrics,
table, artifacts), and of the calls that log the metrics alone.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from benchmarks.shared import finished_project
from benchmarks.shared.measurement import print_figures
from seedwitness.config.verdicts import TrackingSettings


def measure_publish(trials: int, cases: int = 2) -> dict[str, object]:
    """Publish ``cases`` cases of ``trials`` trials each from the current folder, and time it.

    The only checkpoint is its own reference, so that no scores of a second checkpoint are
    published and 7 metrics a trial is the whole work.
    """
    from seedwitness.tracking import publishing, store

    targets = [f"target-{number}" for number in range(cases)]
    finished_project.write_project(Path(), targets, [finished_project.REFERENCE], trials)
    tracking = TrackingSettings()
    with store.open_store(tracking):
        pass  # creates the tables, which happens once in the life of a project
    seconds_in_log_scores = 0.0
    log_scores = store.log_scores

    def timed_log_scores(*arguments: Any) -> None:
        nonlocal seconds_in_log_scores
        before = perf_counter()
        log_scores(*arguments)
        seconds_in_log_scores += perf_counter() - before

    vars(store)["log_scores"] = timed_log_scores
    clock, processor = perf_counter(), process_time()
    published = publishing.publish(tracking)
    clock, processor = perf_counter() - clock, process_time() - processor
    count = published.trials
    return {
        "benchmark": "publish",
        "trials": count,
        "scores": published.scores,
        "seconds": round(clock, 2),
        "cpu_seconds": round(processor, 2),
        "trials_per_second": round(count / clock),
        "trials_per_cpu_second": round(count / processor),
        "trials_per_second_metrics_alone": round(count / seconds_in_log_scores),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=4000, help="of each of the two cases")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        print_figures(measure_publish(arguments.trials))
        os.chdir("/")
