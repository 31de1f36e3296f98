"""Locks by file, with which several processes share work on one folder."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from seedwitness.runtime.files import explain_write_errors

T = TypeVar("T")
R = TypeVar("R")

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


def share_work(items: Sequence[T], attempt: Callable[[T], R | None]) -> Iterator[tuple[T, R]]:
    """Yield each of `items` with the result of `attempt`, as soon as it is available.

    `attempt` gives None for an item that another process works on; it is tried again later.
    """
    while items:
        postponed = []
        for item in items:
            result = attempt(item)
            if result is None:
                postponed.append(item)
            else:
                yield item, result
        if postponed:
            time.sleep(POLL_SECONDS)
        items = postponed
