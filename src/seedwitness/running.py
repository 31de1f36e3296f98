"""The whole pipeline: params.yaml composed, then what is out of date run by DVC."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from seedwitness import warm
from seedwitness.composing import compose
from seedwitness.errors import ConfigError

PIPELINE = Path("dvc.yaml")
OVERVIEW = Path("reports/index.html")


def run(overrides: Sequence[str]) -> int:
    """Compose with ``overrides`` and run `dvc repro`; gives its exit code.

    DVC writes to this terminal as it does by itself. Raises ConfigError where the working directory
    is no project, or an override does not fit.
    """
    if not PIPELINE.is_file():
        raise ConfigError(f"There is no {PIPELINE} in {Path.cwd()}. Go to the root of the project.")
    compose(overrides)
    with warm.listening() as environment:
        return followed([sys.executable, "-m", "dvc", "repro"], environment)


def followed(command: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run a command to its end in this terminal; Ctrl-C is its own to answer."""
    # The stages call `seedwitness`, and mean the one of this environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    with subprocess.Popen(command, env={**environment, "PATH": path}) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
