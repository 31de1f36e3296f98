"""Files that are whole or absent."""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from seedwitness.errors import DiskFullError, WriteError

T = TypeVar("T")
D = TypeVar("D")

PAUSE = 0.5
"""Seconds until what another process is at is looked for again."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_whole(path: Path, data: bytes | str) -> None:
    """Writes `data` (text as UTF-8) to `path`; a reader sees the old file or the new."""
    with replace_whole(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """Gives a free path beside `path`; what the block leaves there, file or folder, becomes `path`.

    The free path keeps the suffix, because libraries choose a format by it. The content reaches the
    disk before it takes its name, so not even a power cut leaves half a file under `path`. When the
    block fails, nothing is left and the old `path` stays. (A process killed inside the block leaves
    `.NAME.XXXXXXXX.part` behind, which nothing reads.)

    A file is replaced in one step. A folder cannot be: between two renames it is missing, and
    a process killed there leaves the old one as `.NAME.XXXXXXXX.part` and the new one as another.

    Raises `DiskFullError` or `WriteError` where the disk is full or the place is refused.
    """
    path = Path(path)
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _free_name(path)
        try:
            yield part
            _flush(part)
            if path.is_dir() and part.is_dir():
                old = _free_name(path)
                path.rename(old)
                part.rename(path)
                shutil.rmtree(old)
            else:
                part.replace(path)
            _flush_entry(path.parent)
        except BaseException as error:
            # Looked at before the part is removed: afterwards there is space again.
            full = _is_full(error, path.parent)
            _remove(part)
            if full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
            raise


@contextmanager
def exclusive_claim(path: Path) -> Iterator[bool]:
    """Whether this block alone works on what will be `path`: no other process or thread does.

    It does not wait. The claim goes with the process that made it, however that ends. Whoever gets
    one looks again whether `path` is there: the one before may have finished it.
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
        Path(lock.lock_file).unlink(missing_ok=True)  # still claimed: who comes now looks again
        lock.release()


def share_work(todo: Sequence[T], attempt: Callable[[T], D | None]) -> Iterator[tuple[T, D]]:
    """Each of `todo` with what `attempt` makes of it, as soon as it is there.

    What `attempt` gives None for, because another process is at it, is tried again after a while.
    """
    while todo:
        others = []
        for each in todo:
            done = attempt(each)
            if done is None:
                others.append(each)
            else:
                yield each, done
        if others:
            time.sleep(PAUSE)
        todo = others


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Turns "disk full" and "refused" inside the block into errors that name `path` and a remedy.

    For writes that cannot go through `replacing`, such as a log that grows.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                f"The disk is full: {path} could not be written, and nothing of it was left. "
                f"Free some space on the disk that holds {path.parent} (`df -h {path.parent}` "
                "shows it) and run the same command again: what was finished stays."
            ) from error
        # The block may also have read something elsewhere that was refused.
        if error.errno in _REFUSED and _lies_in(error.filename, path.parent):
            raise WriteError(
                f"{path} cannot be written: {error.strerror}. Make {path.parent} writable for "
                "this user, or choose another place."
            ) from error
        raise


def _lies_in(filename: str | None, folder: Path) -> bool:
    return filename is not None and Path(filename).absolute().is_relative_to(folder.absolute())


def _free_name(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")


def _is_full(error: BaseException, folder: Path) -> bool:
    """Whether the disk's being full is what `error` is about.

    Libraries written in Rust or C++ wrap the system's error in one of their own, and
    `torch.save` says nothing of it at all: so ask the disk as well.
    """
    if isinstance(error, OSError):
        return error.errno in _FULL
    if not isinstance(error, Exception):
        return False
    return os.strerror(errno.ENOSPC) in str(error) or shutil.disk_usage(folder).free == 0


def _flush(path: Path) -> None:
    """Waits until a file, or all files of a folder, are on the disk."""
    if path.is_dir():
        for file in path.rglob("*"):
            _flush_entry(file)
    _flush_entry(path)


def _flush_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
