"""``seedwitness run``: composes params.yaml, and runs the stages that are out of date by DVC."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from seedwitness.checkpoints.file_hashes import RUN_VARIABLE
from seedwitness.commands import doctor
from seedwitness.commands.progress import (
    RunProgress,
    list_stages,
    read_durations,
    write_durations,
)
from seedwitness.commands.publish import publish_files
from seedwitness.commands.repair import ASIDE, LockCopies, repair_lock_files
from seedwitness.commands.terminal import run_in_terminal
from seedwitness.config.composition import compose_params
from seedwitness.config.params import load_params
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.records.attempts import require_whole_log
from seedwitness.report.plot_page import write_plot_page
from seedwitness.runtime import fork_server
from seedwitness.runtime.locks import wait_for_stages

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
STAGE_PATIENCE = 60.0
"""Seconds to wait for a stage of an earlier run to end; it takes 5 to clean up."""
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
    DVC would name its path only. Raises CheckpointError if a checkpoint is none that can be used.
    """
    if not PIPELINE.is_file():
        raise ConfigError(f"There is no {PIPELINE} in {Path.cwd()}. Go to the root of the project.")
    compose_params(overrides, discard=discard)
    wait_for_stages(STAGE_PATIENCE)
    for path in repair_lock_files():
        sys.stderr.write(
            f"{path} was cut by a run that was killed; it is in {ASIDE} now. What was finished is "
            "restored from a copy and the cache.\n"
        )
    require_whole_log()
    if wrong := doctor.find_wrong_checkpoints():
        raise CheckpointError(f"{wrong[0].group}, {wrong[0].name}: {wrong[0].detail}.")
    missing = _explain_missing_inputs()
    if missing and not LOCK.exists():
        raise ConfigError(missing)
    command = [sys.executable, "-m", "dvc", "repro"]
    if missing:  # a clone that pulled the results may do without the inputs that made them
        command.append("--allow-missing")
        _require_results()
    write_plot_page()
    progress = RunProgress(list_stages(load_params().checkpoints), read_durations())
    with (
        fork_server.running_server() as environment,
        TemporaryDirectory(prefix="seedwitness-hashes-") as hashes,
    ):
        environment = {RUN_VARIABLE: hashes, **environment}
        code = run_in_terminal(command, environment, progress, LockCopies().update)
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
    remedy = f" {first.remedy}" if first.remedy else ""
    return f"{first.group}, {first.name}: {first.detail}.{remedy}{others}"
