"""The whole pipeline: params.yaml composed, then what is out of date run by DVC."""

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
    "seedwitness.report.writing",
    "seedwitness.search.agreement",
    "seedwitness.targets.target_reader",
    "seedwitness.verdict.judgement",
)
"""What the stages need, imported once by the process that they are forked from."""


def run_pipeline(overrides: Sequence[str]) -> int:
    """Compose with ``overrides`` and run `dvc repro`; gives its exit code.

    DVC writes to this terminal as it does by itself. Raises ConfigError where the working directory
    is no project, an override does not fit, or something is missing that no stage makes: of that
    DVC would tell the path alone.
    """
    if not PIPELINE.is_file():
        raise ConfigError(f"There is no {PIPELINE} in {Path.cwd()}. Go to the root of the project.")
    compose_params(overrides)
    _require_all()
    with fork_server.running_server() as environment:
        return run_in_terminal([sys.executable, "-m", "dvc", "repro"], environment)


def _require_all() -> None:
    """Raise ConfigError where something that params.yaml names is missing."""
    stages = yaml.safe_load(PIPELINE.read_text(encoding="utf-8")).get("stages", {})
    outs = [out for each in stages.values() for out in each.get("outs", ()) if isinstance(out, str)]
    absent = [
        each
        for each in doctor.missing_inputs()
        if not (each.path and any(each.path.is_relative_to(out) for out in outs))
    ]
    if absent:
        first, more = absent[0], len(absent) - 1
        others = f" {more} more missing: `seedwitness doctor` names them." if more else ""
        raise ConfigError(f"{first.group}, {first.name}: {first.what}. {first.remedy}{others}")


def run_in_terminal(command: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run a command to its end in this terminal; Ctrl-C is its own to answer."""
    # The stages call `seedwitness`, and mean the one of this environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    with subprocess.Popen(command, env={**environment, "PATH": path}) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
