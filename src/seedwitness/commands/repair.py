"""Repairs what a killed run may leave half written: lock files of DVC, which it writes in place.

A lock file that cannot be read is put aside. DVC then finds the stages in its cache of runs by
their inputs, and restores what they had finished.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from seedwitness.config.targets import FOLDER

LOCK = Path("dvc.lock")
READERS_LOCK = Path(".dvc/tmp/rwlock")
"""DVC's record of who reads and writes which file, as JSON."""
ASIDE = Path(".seedwitness/broken")


def repair_lock_files() -> list[Path]:
    """Put aside the lock files that were cut while they were written; gives their paths."""
    broken = [
        path
        for path in (LOCK, *sorted(FOLDER.glob(f"*/{LOCK}")))
        if path.is_file() and not _is_whole(path)
    ]
    if READERS_LOCK.is_file() and not _is_json(READERS_LOCK):
        broken.append(READERS_LOCK)
    for path in broken:
        place = ASIDE / path
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
    return broken


def _is_whole(path: Path) -> bool:
    """Whether DVC can read a lock file, by its own schema."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        COMPILED_LOCKFILE_SCHEMA(content)
    except (yaml.YAMLError, UnicodeDecodeError, Invalid):
        return False
    return isinstance(content, dict) and "stages" in content


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8") or "{}")
    except ValueError:
        return False
    return True
