"""Folders of cached results by key: what each key stands for, who uses it, and pruning.

A cache is ``ROOT/KEY/…`` (or ``ROOT/GROUP/KEY/…``). The key is a digest of all that decides the
bytes in the folder, and ``key.json`` in it says what was digested. ``ROOT/uses/NAME.json`` lists
the keys that the newest run of ``NAME`` used.
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
"""The project's cache, seen from its root; neither in Git nor an output of DVC."""
DESCRIPTION, USES = "key.json", "uses"


@dataclass(frozen=True)
class CacheEntry:
    """One key: what it stands for, how much lies under it, since when, and who uses it."""

    key: str
    description: dict[str, Any]
    files: int
    bytes: int
    newest: datetime
    """When its newest file was written, in UTC."""
    users: tuple[str, ...]


def describe_key(folder: Path, description: Mapping[str, Any]) -> None:
    """Write what a key stands for into its folder, unless that is there."""
    path = folder / DESCRIPTION
    if not path.exists():
        write_whole(path, json.dumps(description, indent=1, ensure_ascii=False) + "\n")


def record_use(root: Path, user: str, keys: Iterable[str]) -> None:
    """Remember that ``user`` (``search/owl/own``) uses ``keys``, and no longer what it used."""
    write_whole(root / USES / f"{user}.json", json.dumps(sorted(set(keys)), indent=1) + "\n")


def list_entries(
    root: Path, is_current: Callable[[str], bool] = lambda _: True
) -> list[CacheEntry]:
    """All keys of a cache, the newest first.

    ``is_current`` says of a user whether its results still exist: the uses of others do not count.
    """
    users: dict[str, list[str]] = {}
    for path in sorted((root / USES).rglob("*.json")):
        user = path.relative_to(root / USES).with_suffix("").as_posix()
        if is_current(user):
            for key in json.loads(path.read_text(encoding="utf-8")):
                users.setdefault(key, []).append(user)
    entries = []
    for path in sorted(root.rglob(DESCRIPTION)):
        files = [each for each in path.parent.iterdir() if each.is_file() and each != path]
        stats = [each.stat() for each in [path, *files]]
        key = path.parent.relative_to(root).as_posix()
        entries.append(
            CacheEntry(
                key=key,
                description=json.loads(path.read_text(encoding="utf-8")),
                files=len(files),
                bytes=sum(each.st_size for each in stats),
                newest=datetime.fromtimestamp(max(each.st_mtime for each in stats), UTC),
                users=tuple(users.get(key, ())),
            )
        )
    return sorted(entries, key=lambda entry: entry.newest, reverse=True)


def remove_entries(root: Path, entries: Iterable[CacheEntry]) -> None:
    """Remove keys with all that lies under them; a key disappears at once or not at all."""
    for entry in entries:
        folder = root / entry.key
        doomed = folder.with_name(f".{folder.name}.removed")
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
        shutil.rmtree(doomed)
