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
from invented_cases import write_case, write_findings
from PIL import Image
from settling import write_materials

from seedwitness.records.attempts import TargetAttempts
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.tables import (
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    write_table,
)
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
        TargetAttempts(attempts=[]).write(data / "attempts" / f"{target}.json")
