"""Hashes by which people and sites name a weights file: AutoV2, AutoV3, and one of the tensors.

Only bytes are read, so a file of any model and of any size takes as long as reading it. In a run
each file is read once: its SHA-256 is kept with the file's size and times.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
from pathlib import Path
from typing import IO, Any

from seedwitness.errors import CheckpointError
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import digest, sha256_file

MAX_HEADER = 100_000_000
"""Bytes of a header of safetensors; the format's own limit."""
BLOCK = 2**22
RUN_VARIABLE = "SEEDWITNESS_FILE_HASHES"
"""The environment variable with the folder in which the stages of a run share hashes."""
SETTLED = 2.0
"""Seconds after a change until a hash is kept: file systems count time in coarse steps."""

_hashes: dict[str, str] = {}


def hash_file_once(path: Path) -> str:
    """SHA-256 of a file's bytes, which are read once in a process, and once in a run.

    A hash is kept under the file's place, size and times of change, of which no program can set the
    last one back. One that was changed in the last seconds is read again.
    """
    place = Path(path).resolve()
    entry = place.stat()
    identity = [str(place), entry.st_dev, entry.st_ino, entry.st_size]
    key = digest([*identity, entry.st_mtime_ns, entry.st_ctime_ns])
    folder = os.environ.get(RUN_VARIABLE)
    shared = Path(folder) / key if folder and Path(folder).is_dir() else None
    if key in _hashes:
        return _hashes[key]
    if shared and shared.is_file():
        return shared.read_text(encoding="ascii")
    found = sha256_file(place)
    if time.time() - max(entry.st_mtime, entry.st_ctime) > SETTLED:
        _hashes[key] = found
        if shared:
            write_whole(shared, found.encode("ascii"))
    return found


def shorten_to_autov2(sha256: str) -> str:
    """AutoV2: the first ten digits of a file's SHA-256."""
    return sha256[:10]


def hash_autov3(path: Path) -> str:
    """AutoV3: the first twelve digits of the SHA-256 of what follows a safetensors file's header.

    It survives that the metadata in the header are edited. Raises CheckpointError if the file is no
    safetensors file.
    """
    start, _ = _read_header(path)
    found = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()[:12]


def hash_tensors(path: Path) -> str:
    """A digest of the names, types, shapes and values of a safetensors file's tensors.

    It survives that the file is saved again, in another order or with other metadata. Raises
    CheckpointError if the file is no safetensors file, or cut off.
    """
    start, header = _read_header(path)
    tensors = []
    with path.open("rb") as file:
        for name in sorted(set(header) - {"__metadata__"}):
            about = header[name]
            try:
                first, last = (int(offset) for offset in about["data_offsets"])
                described = [name, str(about["dtype"]), [int(side) for side in about["shape"]]]
            except (KeyError, TypeError, ValueError) as error:
                raise _refuse(path, f"{name}: {error}") from error
            file.seek(start + first)
            tensors.append([*described, _hash_part(path, file, last - first)])
    return digest(tensors)


def _hash_part(path: Path, file: IO[bytes], size: int) -> str:
    found, left = hashlib.sha256(), size
    while left > 0:
        block = file.read(min(BLOCK, left))
        if not block:
            raise _refuse(path, "it ends within a tensor")
        found.update(block)
        left -= len(block)
    return found.hexdigest()


def _read_header(path: Path) -> tuple[int, dict[str, Any]]:
    """Where the tensors begin, and what the header says of them."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER:
                raise ValueError(f"its header claims {length:,} bytes")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is no object")
    except (OSError, ValueError, struct.error, RecursionError) as error:
        raise _refuse(path, str(error)) from error
    return 8 + length, header


def _refuse(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} is no complete safetensors file: {why}. Fetch it again.")
