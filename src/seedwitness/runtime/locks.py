"""Locks by file, with which several processes share work on one folder."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock, Timeout

from seedwitness.errors import SeedwitnessError
from seedwitness.runtime.files import explain_write_errors

T = TypeVar("T")

POLL_SECONDS = 0.5
"""Seconds until an item that another process works on is tried again."""


@contextmanager
def exclusive_claim(path: Path) -> Iterator[bool]:
    """Claim `path` for this block: gives whether no other process or thread works on it.

    It does not wait. The claim ends with the process that holds it, even if that is killed. A new
    holder has to check whether `path` exists, because the holder before may have finished it.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
    try:
        yield True
    finally:
        # Removed before the release: the next holder checks the path anyway.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


RUNNING = Path(".seedwitness/running")
"""A file for each process that runs a stage in this workspace, locked while it does."""


@contextmanager
def stage_in_progress(folder: Path = RUNNING) -> Iterator[None]:
    """Mark this process as one that runs a stage, until the block or the process ends."""
    path = folder / f"{os.getpid()}.lock"
    with explain_write_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def wait_for_stages(patience: float, folder: Path = RUNNING) -> None:
    """Wait until no process runs a stage here: one of a killed run may need seconds to end.

    Raises SeedwitnessError after ``patience`` seconds.
    """
    end = time.monotonic() + patience
    for path in sorted(folder.glob("*.lock")):
        try:
            with FileLock(path, timeout=max(0.0, end - time.monotonic())):
                path.unlink(missing_ok=True)
        except Timeout as error:
            raise SeedwitnessError(
                f"The process {path.stem} runs a stage in this project: another `seedwitness run` "
                "or `dvc repro` works here. Run the same command again when it has ended."
            ) from error


class SharedWork(Generic[T]):
    """Items of work that several processes go through; iterate to get them one after the other.

    An item that another process works on is postponed by the caller, and comes again after the
    others.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = list(items)
        self._postponed: list[T] = []

    def __iter__(self) -> Iterator[T]:
        while self._items:
            yield from self._items
            if self._postponed:
                time.sleep(POLL_SECONDS)
            self._items, self._postponed = self._postponed, []

    def postpone(self, item: T) -> None:
        """Give ``item`` again later."""
        self._postponed.append(item)
