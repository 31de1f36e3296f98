"""Locks by file, with which several processes share work on one folder."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock, Timeout

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
