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
from invented_cases import control_trials, write_case, write_findings
from PIL import Image
from settling import write_materials

from seedwitness.metrics.scoring import select_closest_rows
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.tables import (
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    CONTROL_TRIALS,
    write_table,
)
from seedwitness.records.target import TargetRecord
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
        changed = {name: {**SETTINGS[name], **value} for name, value in sections.items()}
        write_settings(SETTINGS | changed)
        data = Path("data")
        write_shared_outputs(data)
        for number, target in enumerate(targets):
            about = write_target_outputs(
                data, target, scene(number), back=target in back, seed=100 * seed + number
            )
            write_outcome(data, about, enter_attempt(data, about, number))
            report.run(target)


def write_settings(settings: Mapping[str, Any]) -> None:
    """Write ``params.yaml`` in the working directory, and the plan that follows from it."""
    Path("params.yaml").write_text(yaml.safe_dump(dict(settings), sort_keys=False))
    write_materials(Path())
    plan.run()


def write_shared_outputs(data: Path, learned: Sequence[str] = ()) -> None:
    """Write what the stages of no target write; ``learned`` are checkpoints with learned images."""
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
        recall_what="JPEG at quality 40",
    ).write(data / "index" / "corpus.json")
    rungs = [(k, row) for k in range(6) for row in climbed(k)]
    detections = [(k, row) for k in range(6) for row in detected(2 * k + 1)]
    for name in CHECKPOINTS:
        identity(name).write(data / "identify" / name / "checkpoint.json")
        folder = data / "controls" / name
        scores = controls(name)
        write_table(folder / "controls.parquet", scores, CONTROL_SCORES)
        rows = controls(name, learned=True) if name in learned else []
        write_table(folder / "learned.parquet", rows, CONTROL_SCORES)
        made = control_trials(scores, "control") + control_trials(rows, "learned")
        write_table(folder / "trials.parquet", made, CONTROL_TRIALS)
        write_closest_controls(folder / "images", scores)
        write_table(folder / "reach.parquet", map(_of_control, rungs), CONTROL_REACH)
        write_table(folder / "detectors.parquet", map(_of_control, detections), CONTROL_DETECTIONS)


def write_closest_controls(folder: Path, scores: Sequence[Mapping[str, Any]]) -> None:
    """Write a picture of each metric's closest control, and one of its closest trial."""
    folder.mkdir()
    for number, row in enumerate(select_closest_rows(scores)):
        scene(500 + number, size=(128, 128)).save(folder / f"{row['pixels_sha256'][:16]}.png")
        scene(600 + number, size=(128, 128)).save(folder / f"{row['trial']}.png")


def write_target_outputs(
    data: Path, target: str, picture: Image.Image, *, back: bool, seed: int
) -> TargetRecord:
    """Write what the stages of a target write, up to the findings of the real judge.

    With ``back`` it comes back on ``memorised``. ``seed`` decides the scores.
    """
    about = prepared(data, target, picture)
    recovered(data, target)
    looked_up(data, target, picture)
    cases = [
        write_case(data, about, name, picture, back=back and name == "memorised", seed=seed)
        for name in CHECKPOINTS
    ]
    write_findings(data, target, cases)
    return about


def _of_control(numbered: tuple[int, dict[str, object]]) -> dict[str, object]:
    number, row = numbered
    return {"control": f"control-{number:03}", "pixels_sha256": f"{number:064x}", **row}
