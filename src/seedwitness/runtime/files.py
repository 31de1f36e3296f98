"""Writes files that are complete or absent, and explains write errors."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedwitness.errors import DiskFullError, WriteError

_DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT}
_PERMISSION_ERRORS = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_whole(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`; a reader sees the old file or the new one."""
    with replace_whole(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; the file or folder written to it replaces `path`.

    The temporary path keeps the suffix, because libraries choose a format by it. The content is
    flushed to the disk before it is renamed, so not even a power cut leaves half a file at `path`.
    If the block fails, the temporary path is removed and the old `path` stays. (A process that is
    killed inside the block leaves `.NAME.XXXXXXXX.part` behind, which nothing reads.)

    A file is replaced in one step. A folder takes two renames, between which `path` is missing; a
    process that is killed there leaves the old and the new folder as `.NAME.XXXXXXXX.part`.

    Raises `DiskFullError` if the disk is full, `WriteError` if writing is not permitted.
    """
    path = Path(path)
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _make_temporary_path(path)
        try:
            yield part
            _flush(part)
            if path.is_dir() and part.is_dir():
                old = _make_temporary_path(path)
                path.rename(old)
                part.rename(path)
                shutil.rmtree(old)
            else:
                part.replace(path)
            _flush_entry(path.parent)
        except BaseException as error:
            # Checked before the part is removed: afterwards there is space again.
            disk_is_full = _is_full(error, path.parent)
            remove(part)
            if disk_is_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
            raise


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Turn "disk full" and "permission denied" inside the block into errors with a remedy.

    For writes that cannot use `replace_whole`, such as appending to a log.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL_ERRORS:
            raise DiskFullError(
                f"The disk is full: {path} could not be written, and no part of it is left. "
                f"Free some space on the disk that holds {path.parent} (`df -h {path.parent}` "
                "shows it) and run the same command again: finished results are kept."
            ) from error
        # The block may also have been refused to read a file elsewhere.
        if error.errno in _PERMISSION_ERRORS and _lies_in(error.filename, path.parent):
            raise WriteError(
                f"{path} cannot be written: {error.strerror}. Make {path.parent} writable for "
                "this user, or choose another folder."
            ) from error
        raise


def _lies_in(filename: str | None, folder: Path) -> bool:
    return filename is not None and Path(filename).absolute().is_relative_to(folder.absolute())


def _make_temporary_path(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")


def _is_full(error: BaseException, folder: Path) -> bool:
    """Whether a full disk is the cause of `error`.

    Libraries written in Rust or C++ wrap the system's error in one of their own, and `torch.save`
    does not mention it at all, so the free space of the disk is checked as well.
    """
    if isinstance(error, OSError):
        return error.errno in _DISK_FULL_ERRORS
    if not isinstance(error, Exception):
        return False
    return os.strerror(errno.ENOSPC) in str(error) or shutil.disk_usage(folder).free == 0


def _flush(path: Path) -> None:
    """Wait until a file, or all files of a folder, are on the disk."""
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


def remove(path: Path) -> None:
    """Remove a file or a whole folder; neither has to exist."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
