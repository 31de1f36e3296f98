"""Caches of results in folders by key: descriptions of the keys, their users, and pruning.

A cache is ``ROOT/KEY/…`` (or ``ROOT/GROUP/KEY/…``). The key is a digest of everything that decides
the bytes in the folder, and ``key.json`` in it holds what was digested. ``ROOT/uses/NAME.json``
lists the keys that the newest run of ``NAME`` used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seedwitness.runtime.files import write_whole

ROOT = Path(".ledger")
"""The project's cache, relative to its root; neither in Git nor an output of DVC."""
DESCRIPTION, USES = "key.json", "uses"


@dataclass(frozen=True)
class CacheEntry:
    """One key: its description, size, age and users."""

    key: str
    description: dict[str, Any]
    files: int
    bytes: int
    newest: datetime
    """The modification time of its newest file, in UTC."""
    users: tuple[str, ...]


def describe_key(folder: Path, description: Mapping[str, Any]) -> None:
    """Write the description of a key into its folder, unless it exists."""
    path = folder / DESCRIPTION
    if not path.exists():
        write_whole(path, json.dumps(description, indent=1, ensure_ascii=False) + "\n")


def record_use(root: Path, user: str, keys: Iterable[str]) -> None:
    """Record that ``user`` (``search/owl/own``) uses ``keys``, in place of its earlier keys."""
    write_whole(root / USES / f"{user}.json", json.dumps(sorted(set(keys)), indent=1) + "\n")


def list_entries(
    root: Path, is_current: Callable[[str], bool] = lambda _: True
) -> list[CacheEntry]:
    """All keys of a cache, the newest first.

    ``is_current`` tells whether the results of a user still exist; other users do not count.
    """
    users: dict[str, list[str]] = {}
    for path in sorted((root / USES).rglob("*.json")):
        user = path.relative_to(root / USES).with_suffix("").as_posix()
        if is_current(user):
            for key in json.loads(path.read_text(encoding="utf-8")):
                users.setdefault(key, []).append(user)
    entries = []
    for path in sorted(root.rglob(DESCRIPTION)):
        files = [file for file in path.parent.iterdir() if file.is_file() and file != path]
        stats = [file.stat() for file in [path, *files]]
        key = path.parent.relative_to(root).as_posix()
        entries.append(
            CacheEntry(
                key=key,
                description=json.loads(path.read_text(encoding="utf-8")),
                files=len(files),
                bytes=sum(stat.st_size for stat in stats),
                newest=datetime.fromtimestamp(max(stat.st_mtime for stat in stats), UTC),
                users=tuple(users.get(key, ())),
            )
        )
    return sorted(entries, key=lambda entry: entry.newest, reverse=True)


def remove_entries(root: Path, entries: Iterable[CacheEntry]) -> None:
    """Remove keys with all their files; a key disappears at once or not at all."""
    for entry in entries:
        folder = root / entry.key
        renamed = folder.with_name(f".{folder.name}.removed")
        shutil.rmtree(renamed, ignore_errors=True)
        folder.rename(renamed)
        shutil.rmtree(renamed)
