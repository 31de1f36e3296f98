"""A finished project of invented targets, with reports: what `seedwitness compare` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml
from invented import (
    CHECKPOINTS,
    SETTINGS,
    climbed,
    controls,
    detected,
    identity,
    looked_up,
    prepared,
    recovered,
    scene,
)
from invented_attempts import enter_attempt, write_outcome
from invented_cases import write_case, write_findings
from settling import write_materials

from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.tables import (
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    write_table,
)
from seedwitness.stages import plan, report


def write_finished_project(
    root: Path,
    targets: Sequence[str] = ("owl", "heron"),
    *,
    back: Sequence[str] = ("owl",),
    seed: int = 0,
    **sections: Mapping[str, Any],
) -> None:
    """Write ``params.yaml``, ``data/`` and ``reports/`` of ``targets`` below ``root``.

    ``back`` are the targets that come back on ``memorised``. ``seed`` decides the scores, and not
    the pictures of the targets. ``sections`` change entries of the settings.
    """
    root.mkdir(parents=True, exist_ok=True)
    with chdir(root):
        _write_settings(sections)
        data = Path("data")
        _write_common(data)
        for number, target in enumerate(targets):
            picture = scene(number)
            about = prepared(data, target, picture)
            recovered(data, target)
            looked_up(data, target, picture)
            cases = [
                write_case(
                    data,
                    about,
                    name,
                    picture,
                    back=target in back and name == "memorised",
                    seed=100 * seed + number,
                )
                for name in CHECKPOINTS
            ]
            write_findings(data, target, cases)
            write_outcome(data, about, enter_attempt(data, about, number))
            report.run(target)


def _write_settings(sections: Mapping[str, Mapping[str, Any]]) -> None:
    changed = {name: {**SETTINGS[name], **value} for name, value in sections.items()}
    settings = SETTINGS | changed
    Path("params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    write_materials(Path())
    plan.run()


def _write_common(data: Path) -> None:
    """What the stages of no target write."""
    CorpusRecord(
        source="the lab's pictures",
        rows=3140,
        sha256="c0" * 32,
        model="lab-clip",
        model_sha256="c1" * 32,
        model_label="lab weights",
        index="IndexFlatIP",
        recall_at_1=0.9953,
        recall_n=400,
    ).write(data / "index" / "corpus.json")
    rungs, detections = (
        [(k, row) for k in range(6) for row in rows(k)] for rows in (climbed, detected)
    )
    for name in CHECKPOINTS:
        identity(name).write(data / "identify" / name / "checkpoint.json")
        folder = data / "controls" / name
        write_table(folder / "controls.parquet", controls(name), CONTROL_SCORES)
        write_table(folder / "learned.parquet", [], CONTROL_SCORES)
        write_table(folder / "reach.parquet", map(_of_control, rungs), CONTROL_REACH)
        write_table(folder / "detectors.parquet", map(_of_control, detections), CONTROL_DETECTIONS)


def _of_control(numbered: tuple[int, dict[str, object]]) -> dict[str, object]:
    number, row = numbered
    return {"control": f"control-{number:03}", "pixels_sha256": f"{number:064x}", **row}
