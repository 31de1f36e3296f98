"""Repairs what a killed run may leave half written: files of DVC, which it writes in place.

While a run works, each lock file is copied whenever a stage begins. One that a killed run cut is
put aside, and its newest copy takes its place. DVC finds what was finished since that copy in its
cache of runs, by the inputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from seedwitness.config.targets import FOLDER
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import write_whole

LOCK = Path("dvc.lock")
READERS_LOCK = Path(".dvc/tmp/rwlock")
"""DVC's record of who reads and writes which file, as JSON."""
DVC_LOCK = Path(".dvc/tmp/lock")
ASIDE = Path(".seedwitness/broken")
COPIES = Path(".seedwitness/locks")


class LockCopies:
    """Copies of the lock files of the project in the working directory."""

    def __init__(self) -> None:
        self._copied: dict[Path, tuple[int, int]] = {}

    def update(self) -> None:
        """Copy the lock files that have changed, as far as they are whole."""
        for path in list_lock_files():
            status = path.stat()
            version = (status.st_mtime_ns, status.st_size)
            if self._copied.get(path) != version and is_whole(path):
                write_whole(COPIES / path, path.read_bytes())
                self._copied[path] = version


def repair_lock_files() -> list[Path]:
    """Put aside the files that were cut while they were written; gives their paths.

    Raises ConfigError if a process of DVC works in the project.
    """
    with _hold_dvc_lock():
        return _repair()


@contextmanager
def _hold_dvc_lock() -> Iterator[None]:
    """Hold the lock that DVC takes for everything but the commands of stages."""
    from dvc.lock import Lock, LockError

    DVC_LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = Lock(str(DVC_LOCK))
    try:
        lock.lock()
    except LockError as error:
        raise ConfigError(
            "Another process of DVC works in this project. Run the same command again when it has "
            "ended."
        ) from error
    try:
        yield
    finally:
        lock.unlock()


def _repair() -> list[Path]:
    broken = [path for path in list_lock_files() if not is_whole(path)]
    if READERS_LOCK.is_file() and not _is_json(READERS_LOCK):
        broken.append(READERS_LOCK)
    for path in broken:
        place = ASIDE / path
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
        if (COPIES / path).is_file():
            write_whole(path, (COPIES / path).read_bytes())
    _remove_dead_readers()
    return broken


def list_lock_files(root: Path = Path()) -> list[Path]:
    """The lock files of the project in ``root``: the shared one, and one a target."""
    paths = (root / LOCK, *sorted((root / FOLDER).glob(f"*/{LOCK}")))
    return [path for path in paths if path.is_file()]


def _remove_dead_readers() -> None:
    """Remove DVC's record of readers unless one of them is a process of DVC that lives.

    DVC itself asks only whether the number of a killed process is in use again, by whatever it is.
    """
    if not READERS_LOCK.is_file():
        return
    record = json.loads(READERS_LOCK.read_text(encoding="utf-8") or "{}")
    writers = list(record.get("write", {}).values())
    readers = [each for infos in record.get("read", {}).values() for each in infos]
    if not any(_is_dvc(each["pid"]) for each in writers + readers):
        READERS_LOCK.unlink()


def _is_dvc(pid: int) -> bool:
    try:
        return any("dvc" in Path(word).name for word in psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def is_whole(path: Path) -> bool:
    """Whether a lock file has its end, and DVC can read it, by its own schema."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        text = path.read_text(encoding="utf-8")
        content: Any = yaml.safe_load(text)
        COMPILED_LOCKFILE_SCHEMA(content)
    except (yaml.YAMLError, UnicodeDecodeError, Invalid):
        return False
    return isinstance(content, dict) and "stages" in content and text.endswith("\n")


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8") or "{}")
    except ValueError:
        return False
    return True
