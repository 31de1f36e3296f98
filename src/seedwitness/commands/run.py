"""``seedwitness run``: composes params.yaml, and runs the stages that are out of date by DVC."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import IO

import yaml

from seedwitness.commands import doctor
from seedwitness.commands.progress import (
    RunProgress,
    list_stages,
    read_durations,
    write_durations,
)
from seedwitness.commands.publish import publish_files
from seedwitness.commands.repair import ASIDE, repair_lock_files
from seedwitness.config.composition import compose_params
from seedwitness.config.params import load_params
from seedwitness.errors import ConfigError
from seedwitness.records.attempts import require_whole_log
from seedwitness.report.plot_page import write_plot_page
from seedwitness.runtime import fork_server

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
STATUS_SECONDS = 30.0
OVERVIEW = Path("reports/index.html")
CASES = Path("data/overview/cases.csv")
SHOWN = 20
"""Cases whose findings are printed at most."""

PRELOADED = (
    "seedwitness.attribution.seed_attribution",
    "seedwitness.controls.execution",
    "seedwitness.corpus.index_builder",
    "seedwitness.metrics.codec_scores",
    "seedwitness.report.overview",
    "seedwitness.report.plots",
    "seedwitness.report.report_folder",
    "seedwitness.search.agreement",
    "seedwitness.targets.target_reader",
    "seedwitness.verdict.judgement",
)
"""The modules that the fork server imports once for all stages."""


def run_pipeline(overrides: Sequence[str], *, discard: bool = False) -> int:
    """Compose, run `dvc repro` in this terminal, and publish; gives the exit code of DVC.

    Raises ConfigError if the working directory is not a project, an override is invalid, edits of
    params.yaml would be lost and ``discard`` is false, or an input is missing that a stage needs:
    DVC would name its path only.
    """
    if not PIPELINE.is_file():
        raise ConfigError(f"There is no {PIPELINE} in {Path.cwd()}. Go to the root of the project.")
    compose_params(overrides, discard=discard)
    for path in repair_lock_files():
        sys.stderr.write(
            f"{path} was cut by a run that was killed; it is in {ASIDE} now. What was finished is "
            "restored from the cache.\n"
        )
    require_whole_log()
    missing = _explain_missing_inputs()
    if missing and not LOCK.exists():
        raise ConfigError(missing)
    command = [sys.executable, "-m", "dvc", "repro"]
    if missing:  # a clone that pulled the results may do without the inputs that made them
        command.append("--allow-missing")
        _require_results()
    write_plot_page()
    progress = RunProgress(list_stages(load_params().checkpoints), read_durations())
    with fork_server.running_server() as environment:
        code = run_in_terminal(command, environment, progress)
    write_durations(progress.durations)
    if code and missing:
        raise ConfigError(missing)
    if code == 0:  # a state that came from a cache or a remote was not published by its stage
        publish_files()
    return code


def format_findings() -> list[str]:
    """The findings of the first cases, a line each; then the page that shows all of them."""
    cases: list[dict[str, str]] = []
    if CASES.is_file():
        with CASES.open(encoding="utf-8", newline="") as file:
            cases = list(csv.DictReader(file))
    lines = [
        f"{case['case'].replace('/', ' on ')}: memorised {case['finding']}, "
        f"generated {case['generated']}"
        for case in cases[:SHOWN]
    ]
    more = [f"and {len(cases) - SHOWN} more cases"] if len(cases) > SHOWN else []
    return [*lines, *more, f"Open {OVERVIEW} in a browser."]


def _require_results() -> None:
    """Raise ConfigError if a result is missing that a lock file names: DVC would pass it over."""
    if lost := doctor.find_missing_results():
        raise ConfigError(f"{lost[0].name}: {lost[0].detail}. {lost[0].remedy}")


def _explain_missing_inputs() -> str:
    """What is missing that no stage makes, as a message; empty if nothing is."""
    stages = yaml.safe_load(PIPELINE.read_text(encoding="utf-8")).get("stages", {})
    outs = [
        out for stage in stages.values() for out in stage.get("outs", ()) if isinstance(out, str)
    ]
    missing = [
        check
        for check in doctor.find_missing_inputs()
        if not (check.path and any(check.path.is_relative_to(out) for out in outs))
    ]
    if not missing:
        return ""
    first, more = missing[0], len(missing) - 1
    others = f" {more} more missing: `seedwitness doctor` lists them." if more else ""
    return f"{first.group}, {first.name}: {first.detail}. {first.remedy}{others}"


def run_in_terminal(
    command: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    progress: RunProgress | None = None,
) -> int:
    """Run a command to its end in this terminal; the command itself handles Ctrl-C.

    With ``progress``, its standard output is shown as far as it is news. Where that is no terminal,
    the status is shown every 30 seconds.
    """
    # The stages call `seedwitness`: put the one of this environment first.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    output = subprocess.PIPE if progress else None
    with subprocess.Popen(
        command, env={**environment, "PATH": path}, stdout=output, text=True, errors="replace"
    ) as process:
        if progress:
            _show_progress(process, progress)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def _show_progress(process: subprocess.Popen[str], progress: RunProgress) -> None:
    """Show what is news of a command's output, until it closes."""
    assert process.stdout is not None
    is_terminal, shown, last = sys.stdout.isatty(), monotonic(), ""
    lines: Queue[str | None] = Queue()
    Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=STATUS_SECONDS / 10)
        except Empty:
            line = ""
        except KeyboardInterrupt:
            continue
        if line is None:
            return
        text = progress.feed(line)
        if text is not None:
            sys.stdout.write(f"{text}\n")
        is_new = progress.current not in ("", last)
        if is_new if is_terminal else monotonic() - shown >= STATUS_SECONDS:
            sys.stdout.write(f"{progress.status}\n")
            shown, last = monotonic(), progress.current
        sys.stdout.flush()


def _read_lines(stream: IO[str], lines: Queue[str | None]) -> None:
    """Put every line of a stream into a queue, and None at its end."""
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put(None)
