"""``seedwitness experiments``: DVC's table of experiments, with the columns that differ."""

from __future__ import annotations

import sys

from seedwitness.commands.terminal import run_in_terminal

KEPT = r"(memorised\.yes|generated\.yes|p|copies|nfe)$"
"""The summary figures, which are shown even where they are equal."""
DROPPED = r".*/|.*\.yaml$|reports$"
"""The hashes of files and folders, for which DVC has a column each."""


def show_experiments(*, everything: bool = False) -> int:
    """Run `dvc exp show` in this terminal; gives its exit code.

    DVC shows every setting, and the hash of every file that a stage reads: hundreds of columns.
    Without ``everything``, the settings are those that differ between the rows.
    """
    columns = [] if everything else ["--only-changed", "--keep", KEPT, "--drop", DROPPED]
    return run_in_terminal([sys.executable, "-m", "dvc", "exp", "show", "--no-pager", *columns])
