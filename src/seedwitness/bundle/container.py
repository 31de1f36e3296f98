"""The files of a bundle, in a folder or a ZIP file, read without trust.

Nothing is unpacked to the disk. A link, a device, a name that leads elsewhere, a file that is
listed twice, or more bytes than the limits refuse the whole bundle, before any content is read.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import IO, Protocol

from seedwitness.bundle.foreign_text import find_name_fault, spell_out
from seedwitness.bundle.layout import MANIFEST
from seedwitness.errors import BundleError

MAX_FILES = 50_000
MAX_BYTES = 8 * 2**30
MAX_READ = 256 * 2**20
"""Bytes of a file that is read whole; larger ones are only hashed."""
MAX_EXPANSION = 1100
"""DEFLATE shrinks to 1/1032 at best; a ZIP file that claims more has files that overlap."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BLOCK = 2**20


class Bundle(Protocol):
    """The files of a bundle by their paths, which have been checked."""

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each file."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file, to be read once."""
        ...


@dataclass(frozen=True)
class FolderBundle:
    """A bundle that is a folder."""

    root: Path

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The size of each file. Raises BundleError for whatever is no plain file."""
        return _collect(_walk(self.root, ""))

    def open(self, name: str) -> IO[bytes]:
        """As in ``Bundle``; a link that took the place of a file is not followed."""
        descriptor = os.open(self.root / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        return os.fdopen(descriptor, "rb")


@dataclass(frozen=True)
class ZipBundle:
    """A bundle that is a ZIP file, which is not unpacked; one folder may lie around all files."""

    path: Path
    archive: zipfile.ZipFile

    @cached_property
    def entries(self) -> dict[str, zipfile.ZipInfo]:
        """The entries by path. Raises BundleError for one that is no plain file, or a bomb."""
        infos = [info for info in self.archive.infolist() if not info.is_dir()]
        _collect((info.filename, info.file_size) for info in infos)
        for info in infos:
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise _refuse(info.filename, "it is a link or a device")
            if info.flag_bits & 0x1:
                raise _refuse(info.filename, "it is encrypted")
            if info.compress_type not in METHODS:
                raise _refuse(info.filename, "it is compressed by an unusual method")
        total = sum(info.file_size for info in infos)
        if total > MAX_EXPANSION * max(1, self.path.stat().st_size):
            raise BundleError(
                f"{self.path} claims to hold {total:,} bytes, more than a ZIP file of its size can "
                "hold: it is made to fill the memory, and was not read."
            )
        around = _find_common_folder([info.filename for info in infos])
        return {info.filename.removeprefix(around): info for info in infos}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The size of each file."""
        return {name: info.file_size for name, info in self.entries.items()}

    def open(self, name: str) -> IO[bytes]:
        """As in ``Bundle``; gives no more bytes than the entry claims."""
        return self.archive.open(self.entries[name])


def open_bundle(path: Path) -> Bundle:
    """The bundle in a folder or ZIP file.

    Raises BundleError if there is none, or it holds links, names that lead elsewhere or too much.
    """
    bundle: Bundle
    if path.is_dir():
        bundle = FolderBundle(path)
    elif path.is_file():
        try:
            bundle = ZipBundle(path, zipfile.ZipFile(path))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BundleError(
                f"{path} is neither a folder nor a ZIP file that can be read: "
                f"{spell_out(error)}. Name the folder or the ZIP file of a bundle."
            ) from error
    else:
        raise BundleError(f"There is no {path}. Name the folder or the ZIP file of a bundle.")
    if MANIFEST not in bundle.sizes:
        raise BundleError(
            f"{path} is no bundle: it has no {MANIFEST}. `seedwitness bundle TARGET` makes one; "
            "its folder or ZIP file is to be named."
        )
    return bundle


def is_bundle(path: Path) -> bool:
    """Whether a folder or a ZIP file looks like a bundle; nothing is checked."""
    return (path / MANIFEST).is_file() or (path.is_file() and zipfile.is_zipfile(path))


def read_file(bundle: Bundle, name: str, limit: int = MAX_READ) -> bytes:
    """A file of a bundle. Raises BundleError if it is missing, damaged or above the limit."""
    if name not in bundle.sizes:
        raise BundleError(f"The bundle has no {spell_out(name)}.")
    if bundle.sizes[name] > limit:
        raise _refuse(name, f"it has {bundle.sizes[name]:,} bytes, and {limit:,} are the limit")
    return b"".join(_read_blocks(bundle, name))


def hash_file(bundle: Bundle, name: str) -> str:
    """SHA-256 of a file of a bundle. Raises BundleError if it is damaged."""
    found = sha256()
    for block in _read_blocks(bundle, name):
        found.update(block)
    return found.hexdigest()


def _read_blocks(bundle: Bundle, name: str) -> Iterator[bytes]:
    left = bundle.sizes[name]
    try:
        with bundle.open(name) as file:
            while block := file.read(BLOCK):
                left -= len(block)
                if left < 0:
                    raise _refuse(name, "it is longer than the bundle says")
                yield block
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _refuse(name, f"it cannot be read ({spell_out(error)})") from error


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                yield name, entry.stat(follow_symlinks=False).st_size
            else:
                raise _refuse(name, "it is a link or a device")


def _collect(files: Iterator[tuple[str, int]]) -> dict[str, int]:
    """Sizes by name, all within the limits."""
    sizes: dict[str, int] = {}
    folded: dict[str, str] = {}
    total = 0
    for name, size in files:
        if fault := find_name_fault(name):
            raise _refuse(name, fault)
        other = folded.setdefault(name.casefold(), name)
        if name in sizes or other != name:
            raise _refuse(name, "another file has the same name")
        sizes[name] = size
        total += size
        if len(sizes) > MAX_FILES or total > MAX_BYTES:
            raise BundleError(
                f"The bundle holds more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes, which are "
                "the limits. It was not read."
            )
    return sizes


def _find_common_folder(names: list[str]) -> str:
    """The folder around all names, with its slash; empty if the manifest lies outside of one."""
    folder = names[0].partition("/")[0] + "/" if names else ""
    return folder if MANIFEST not in names and all(n.startswith(folder) for n in names) else ""


def _refuse(name: str, why: str) -> BundleError:
    return BundleError(
        f"The bundle was not read, because of its file {spell_out(name)}: {why}. No bundle made by "
        "seedwitness has such a file; ask whoever gave it to you."
    )
