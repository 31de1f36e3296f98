"""The store of a project whose folder was moved or copied: MLflow keeps absolute addresses.

MLflow has no call that changes where the artifacts of an experiment and of its runs are, so this is
done in its database.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.runtime.workspace import find_project
from seedwitness.tracking.store_uri import SQLITE_SCHEME, name_lock

QUERY = "select artifact_location from experiments where name = ?"
EXPERIMENT = "update experiments set artifact_location = :new where artifact_location = :old"
RUNS = """
    update runs set artifact_uri = :new || substr(artifact_uri, length(:old) + 1)
    where substr(artifact_uri, 1, length(:old) + 1) = :old || '/'
"""


def follow_moved_project(settings: TrackingSettings) -> bool:
    """Correct the addresses of the artifacts if the project's folder has another path now.

    Only for a database and a folder of artifacts within the project, which move with it. Gives
    whether anything was changed.
    """
    project = find_project()
    path, artifacts = Path(settings.uri.removeprefix(SQLITE_SCHEME)), Path(settings.artifacts)
    are_inside = not path.is_absolute() and not artifacts.is_absolute()
    if not settings.uri.startswith(SQLITE_SCHEME) or not are_inside or not settings.artifacts:
        return False
    database, folder = project / path, (project / artifacts).resolve()
    if not database.is_file() or not folder.is_dir():
        return False
    if _find_old_address(database, settings, folder) is None:
        return False
    with FileLock(name_lock(database), timeout=60):
        old = _find_old_address(database, settings, folder)
        with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
            for statement in (EXPERIMENT, RUNS):
                connection.execute(statement, {"old": old, "new": folder.as_uri()})
    return True


def _find_old_address(database: Path, settings: TrackingSettings, folder: Path) -> str | None:
    """The address of the artifacts at another path of the project; None where it is this one."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            row = connection.execute(QUERY, (settings.experiment,)).fetchone()
    except sqlite3.Error:
        return None  # publishing finds out what is wrong, and says so
    address = str(row[0]) if row else folder.as_uri()
    old = Path(unquote(urlsplit(address).path))
    is_same_place = (
        old.parts[-len(Path(settings.artifacts).parts) :] == Path(settings.artifacts).parts
    )
    return address if is_same_place and address != folder.as_uri() else None
