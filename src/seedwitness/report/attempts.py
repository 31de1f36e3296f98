"""Protocols that were tried before the one of a report, and in what they differ from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seedwitness.report.provenance import Attempt
from seedwitness.runtime.hashes import sha256_file


def attempts(protocol: Path, history: Sequence[Path]) -> list[Attempt]:
    """Every protocol of ``history`` but ``protocol`` itself, in the order of ``history``."""
    now = dict(_leaves(json.loads(protocol.read_bytes())))
    current = sha256_file(protocol)
    found = []
    for path in history:
        sha256 = sha256_file(path)
        if sha256 == current:
            continue
        then = dict(_leaves(json.loads(path.read_bytes())))
        keys = [key for key in {**then, **now} if _said(then, key) != _said(now, key)]
        differs = [f"{key}: {_said(then, key)}, here {_said(now, key)}" for key in keys]
        found.append(Attempt(number=path.name.partition("-")[0], sha256=sha256, differs=differs))
    return found


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry of a mapping by its dotted name; a list is one entry."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def _said(entries: Mapping[str, Any], key: str) -> str:
    return json.dumps(entries[key], ensure_ascii=False) if key in entries else "not there"
