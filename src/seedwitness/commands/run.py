"""``seedwitness run``: composes params.yaml, and runs the stages that are out of date by DVC."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from seedwitness.commands import doctor
from seedwitness.config.composition import compose_params
from seedwitness.errors import ConfigError
from seedwitness.runtime import fork_server

PIPELINE = Path("dvc.yaml")
OVERVIEW = Path("reports/index.html")

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
    """Compose with ``overrides`` and run `dvc repro` in this terminal; gives its exit code.

    Raises ConfigError if the working directory is not a project, an override is invalid, edits of
    params.yaml would be lost and ``discard`` is false, or an input is missing that no stage makes:
    DVC would name its path only.
    """
    if not PIPELINE.is_file():
        raise ConfigError(f"There is no {PIPELINE} in {Path.cwd()}. Go to the root of the project.")
    compose_params(overrides, discard=discard)
    _require_inputs()
    with fork_server.running_server() as environment:
        return run_in_terminal([sys.executable, "-m", "dvc", "repro"], environment)


def _require_inputs() -> None:
    """Raise ConfigError if an input that params.yaml names is missing."""
    stages = yaml.safe_load(PIPELINE.read_text(encoding="utf-8")).get("stages", {})
    outs = [
        out for stage in stages.values() for out in stage.get("outs", ()) if isinstance(out, str)
    ]
    missing = [
        check
        for check in doctor.find_missing_inputs()
        if not (check.path and any(check.path.is_relative_to(out) for out in outs))
    ]
    if missing:
        first, more = missing[0], len(missing) - 1
        others = f" {more} more missing: `seedwitness doctor` lists them." if more else ""
        raise ConfigError(f"{first.group}, {first.name}: {first.detail}. {first.remedy}{others}")


def run_in_terminal(command: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run a command to its end in this terminal; the command itself handles Ctrl-C."""
    # The stages call `seedwitness`: put the one of this environment first.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    with subprocess.Popen(command, env={**environment, "PATH": path}) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
