"""A new PostgreSQL server on this machine, for a test or a benchmark, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

USER = "seedwitness"
INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian puts the server's programs, by version; they are not on the path."""


def find_programs() -> Path | None:
    """The folder with PostgreSQL's server programs; None where it is not installed."""
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    folders = [path.parent for path in INSTALLED.glob("*/bin/initdb")]
    return max(folders, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Run a new server during the block; gives the URI of an empty database.

    It listens at a socket in a temporary folder. It refuses to run as root, so root starts it as
    the user nobody.
    """
    programs = find_programs()
    if programs is None:
        raise FileNotFoundError("PostgreSQL's programs are not installed.")
    with TemporaryDirectory(prefix="postgresql-") as name:
        account: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(name, "nobody")
        data = f"{name}/data"

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [programs / program, *arguments],
                cwd=name,
                check=True,
                stdout=subprocess.DEVNULL,
                **account,
            )

        run("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {name} -c listen_addresses="
        run("pg_ctl", "start", "-w", "-D", data, "-l", f"{name}/log", "-o", options)
        try:
            run("createdb", "-h", name, "-U", USER, "mlflow")
            yield format_uri("mlflow", Path(name))
        finally:
            run("pg_ctl", "stop", "-w", "-D", data, "-m", "immediate")


def format_uri(database: str, folder: Path) -> str:
    """The URI of a database of the server whose socket is in ``folder``."""
    return f"postgresql://{USER}@/{database}?host={folder}"
