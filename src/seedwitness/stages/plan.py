"""The analysis plan: all settings and materials, written before any target is searched for.

``data/plan/plan.json`` is the plan itself, whose hash every finding names. ``data/plan/STAGE.json``
holds what one stage depends on besides its data: the settings that it reads, and the hashes of the
code that it runs. A stage reads its settings from there and from nowhere else, besides the caption
of its target.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seedwitness.config.params import load_params, require_enough_controls
from seedwitness.config.stage_settings import CODE, PLAN_FOLDER, SETTINGS, STAGE_SETTINGS
from seedwitness.config.target_pipeline import check_target_pipelines
from seedwitness.records.attempts import PLANS
from seedwitness.runtime.code_graph import code_files
from seedwitness.runtime.files import replace_whole, write_whole
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import output_path, stage_names

PLAN = PLAN_FOLDER / "plan.json"
NOT_PLANNED = ("checkpoints", "report", "tracking")
"""Sections that may grow or change without a change in how anything is found or judged."""

BEFORE_THE_PLAN = ("materials", "plan")


def run() -> None:
    """Write ``data/plan/``, and the plan to ``data/plans/`` where it is new.

    Defaults are written out. Raises ConfigError where ``params.yaml`` is inconsistent, or the
    pipelines of the targets are not those that it asks for.
    """
    params = load_params()
    require_enough_controls(params)
    check_target_pipelines(params)
    settings: dict[str, Any] = params.model_dump(mode="json")
    materials = output_path("materials") / "materials.json"
    settings["materials"] = json.loads(materials.read_text(encoding="utf-8"))
    # The names alone: `identify` records what each checkpoint is.
    settings["checkpoints"] = list(settings["checkpoints"])
    plan = {name: section for name, section in settings.items() if name not in NOT_PLANNED}
    with replace_whole(PLAN_FOLDER) as part:
        part.mkdir()
        _write(part / PLAN.name, plan)
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
    keep_plan()


def _write(path: Any, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def keep_plan(root: Path = Path()) -> None:
    """Keep the plan among all that were written in the project in ``root``."""
    path = root / PLANS / f"{sha256_file(PLAN)}.json"
    if not path.exists():
        write_whole(path, PLAN.read_bytes())
