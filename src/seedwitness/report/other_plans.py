"""Analysis plans that were written before or beside the one of a report, and their differences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seedwitness.report.provenance import OtherPlan, SettingDifference
from seedwitness.runtime.hashes import sha256_file
from seedwitness.runtime.nested import list_entries


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
    entries = list_entries(json.loads(path.read_bytes()))
    return {name: json.dumps(value, ensure_ascii=False) for name, value in entries}
