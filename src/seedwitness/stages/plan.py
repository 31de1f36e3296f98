"""The analysis plan: all settings and materials, written before any target is searched for.

``data/plan/plan.json`` is the plan itself, whose hash every finding names. ``data/plan/STAGE.json``
holds what one stage depends on besides its data: the settings that it reads, and the hashes of the
code that it runs. ``data/plan/targets/TARGET.json`` holds the path and the caption of a target. A
stage reads its settings from these files and from nowhere else.
"""

from __future__ import annotations

import json
from typing import Any

from seedwitness.config.params import load_params
from seedwitness.config.stage_settings import CODE, PLAN_FOLDER, SETTINGS, STAGE_SETTINGS, TARGETS
from seedwitness.runtime.code_graph import code_files
from seedwitness.runtime.files import replace_whole, write_whole
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import DATA, output_path, stage_names

PLAN = PLAN_FOLDER / "plan.json"
NOT_PLANNED = (TARGETS, "checkpoints", "report", "tracking")
"""Sections that may grow or change without a change in how anything is found or judged."""

HISTORY = DATA / "plans"
"""Every plan that was ever written here, by number and hash; none is removed."""

BEFORE_THE_PLAN = ("materials", "plan")


def run() -> None:
    """Write ``data/plan/``, and the plan to ``data/plans/`` where it is new.

    Defaults are written out. Raises ConfigError where ``params.yaml`` is inconsistent.
    """
    settings: dict[str, Any] = load_params().model_dump(mode="json")
    materials = output_path("materials") / "materials.json"
    settings["materials"] = json.loads(materials.read_text(encoding="utf-8"))
    # The names alone: `identify` records what each checkpoint is.
    settings["checkpoints"] = list(settings["checkpoints"])
    plan = {name: section for name, section in settings.items() if name not in NOT_PLANNED}
    with replace_whole(PLAN_FOLDER) as part:
        part.mkdir()
        _write(part / PLAN.name, plan)
        (part / TARGETS).mkdir()
        for target, entry in settings[TARGETS].items():
            _write(part / TARGETS / f"{target}.json", entry)
        for stage in stage_names():
            if stage in BEFORE_THE_PLAN:
                continue
            kind = STAGE_SETTINGS.get(stage)
            _write(
                part / f"{stage}.json",
                {
                    SETTINGS: kind.select(settings) if kind else {},
                    CODE: code_files(f"seedwitness.stages.{stage}"),
                },
            )
    _append_to_history()


def _write(path: Any, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _append_to_history() -> None:
    """Keep the plan among those that were written before, unless it is there."""
    name = f"{sha256_file(PLAN)[:16]}.json"
    existing = list(HISTORY.glob("*.json"))
    if not any(path.name.endswith(f"-{name}") for path in existing):
        write_whole(HISTORY / f"{len(existing) + 1:04}-{name}", PLAN.read_bytes())
