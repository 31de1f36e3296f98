"""The small project of the tests, laid out, under Git and DVC, committed, and not run."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks.shared.measurement import ROOT

HELPERS = ROOT / "tests" / "helpers"


def lay_out(folder: Path, targets: int) -> Path:
    """Make the project with ``targets`` images below ``folder``; gives its root."""
    sys.path.insert(0, str(HELPERS))
    checkpoint = folder / "checkpoint"
    import_module("tiny_checkpoints").save_tiny_checkpoint(checkpoint)
    small_project = partial(
        import_module("small_project").lay_out_small_project, checkpoint=checkpoint
    )
    root = folder / "pristine"
    import_module("travelling").begin_project(root, small_project, folder / "store", targets)
    return root


def make_environment() -> dict[str, str]:
    """The environment in which the commands of such a project run, on one thread each."""
    environment: dict[str, str] = import_module("travelling").ENVIRONMENT
    return {**environment, "OMP_NUM_THREADS": "1"}
