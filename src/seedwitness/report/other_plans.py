"""Analysis plans that were written before or beside the one of a report, and their differences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seedwitness.report.provenance import OtherPlan, SettingDifference
from seedwitness.runtime.hashes import sha256_file


def list_other_plans(plan: Path, history: Sequence[Path]) -> list[OtherPlan]:
    """Every plan of ``history`` but ``plan`` itself, in the order of ``history``."""
    settings = _read_settings(plan)
    plan_sha256 = sha256_file(plan)
    plans = []
    for path in history:
        sha256 = sha256_file(path)
        if sha256 == plan_sha256:
            continue
        other = _read_settings(path)
        differences = [
            SettingDifference(setting=name, other=other.get(name), here=settings.get(name))
            for name in {**other, **settings}
            if other.get(name) != settings.get(name)
        ]
        plans.append(OtherPlan(sha256=sha256, differences=differences))
    return plans


def _read_settings(path: Path) -> dict[str, str]:
    """The settings of a plan by their dotted names, each value as JSON."""
    entries = _flatten(json.loads(path.read_bytes()))
    return {name: json.dumps(value, ensure_ascii=False) for name, value in entries}


def _flatten(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry of a mapping by its dotted name; a list is one entry."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flatten(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
