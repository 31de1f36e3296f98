"""Reports of three invented targets against two checkpoints.

``owl`` comes back on ``memorised``, not on ``clean``; ``heron`` on neither; ``flat`` is flat.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from invented import (
    CHECKPOINTS,
    HOSTILE,
    LONG,
    SETTINGS,
    TARGETS,
    climbed,
    controls,
    detected,
    identity,
    looked_up,
    prepared,
    recovered,
    scene,
)
from invented_attempts import enter_attempt, enter_removal, write_outcome
from invented_cases import write_case, write_findings
from PIL import Image
from settling import write_materials

from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.tables import (
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    write_table,
)
from seedwitness.records.target import TargetRecord
from seedwitness.stages import overview, plan, report


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's root in which ``report`` and ``overview`` have run."""
    root = tmp_path_factory.mktemp("project")
    with inside(root):
        write_outputs(Path("data"))
        for name in TARGETS:
            report.run(name)
        overview.run()
    return root


def write_outputs(data: Path) -> None:
    tried = SETTINGS | {"judge": SETTINGS["judge"] | {"alpha": 0.05}}
    for settings in (tried, SETTINGS):
        Path("params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        write_materials(Path())
        plan.run()
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
    for name in CHECKPOINTS:
        identity(name).write(data / "identify" / name / "checkpoint.json")
        write_table(data / "controls" / name / "controls.parquet", controls(name), CONTROL_SCORES)
        learned = controls(name, learned=True) if name == "memorised" else []
        write_table(data / "controls" / name / "learned.parquet", learned, CONTROL_SCORES)
        write_table(
            data / "controls" / name / "reach.parquet",
            [
                {"control": f"control-{k:03}", "pixels_sha256": f"{k:064x}", **row}
                for k in range(6)
                for row in climbed(k)
            ],
            CONTROL_REACH,
        )
        write_table(
            data / "controls" / name / "detectors.parquet",
            [
                {"control": f"control-{k:03}", "pixels_sha256": f"{k:064x}", **row}
                for k in range(6)
                for row in detected(2 * k + 1)
            ],
            CONTROL_DETECTIONS,
        )
    for seed, target in enumerate(TARGETS):
        picture = scene(seed) if target != "flat" else Image.new("RGB", (128, 128), "#d8d3c8")
        about = prepared(data, target, picture)
        recovered(data, target)
        looked_up(data, target, picture)
        cases = [
            write_case(
                data,
                about,
                name,
                picture,
                back=target == "owl" and name == "memorised",
                seed=seed,
            )
            for name in CHECKPOINTS
        ]
        write_findings(data, target, cases)
        write_attempts(data, about, 10 * seed)


def write_attempts(data: Path, about: TargetRecord, minute: int) -> None:
    """An attempt on each target; on the owl two others, one of them not finished, and a removal."""
    settings = TargetSettings(image=f"{about.name}.png", pixels_sha256=about.pixels_sha256)
    write_target(about.name, settings)
    if about.name == "owl":
        write_outcome(data, about, enter_attempt(data, about, minute, [HOSTILE, LONG]))
        enter_attempt(data, about, minute + 1, plan="7d" * 32)
    write_outcome(data, about, enter_attempt(data, about, minute + 2))
    if about.name == "owl":
        enter_removal(data, about, minute + 3)
