"""Reports of three invented targets against two checkpoints.

``owl`` comes back on ``memorised``, not on ``clean``; ``heron`` on neither; ``flat`` is flat.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from finished_reports import write_settings, write_shared_outputs, write_target_outputs
from invented import (
    HOSTILE,
    LONG,
    SETTINGS,
    TARGETS,
    scene,
)
from invented_attempts import enter_attempt, enter_removal, write_outcome
from PIL import Image

from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.records.target import TargetRecord
from seedwitness.stages import overview, report


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
    for settings in (SETTINGS | {"judge": SETTINGS["judge"] | {"alpha": 0.05}}, SETTINGS):
        write_settings(settings)
    write_shared_outputs(data, learned=["memorised"])
    for seed, target in enumerate(TARGETS):
        picture = scene(seed) if target != "flat" else Image.new("RGB", (128, 128), "#d8d3c8")
        about = write_target_outputs(data, target, picture, back=target == "owl", seed=seed)
        write_attempts(data, about, 10 * seed)


def write_attempts(data: Path, about: TargetRecord, minute: int) -> None:
    """An attempt on each target; on the owl two others, one of them not finished, and a removal."""
    settings = TargetSettings(image=f"{about.name}.png", pixels_sha256=about.pixels_sha256)
    write_target(about.name, settings)
    if about.name == "owl":
        attempt = enter_attempt(data, about, minute, [HOSTILE, LONG])
        write_outcome(data, about, attempt, is_counted=False)
        enter_attempt(data, about, minute + 1, plan="7d" * 32)
    write_outcome(data, about, enter_attempt(data, about, minute + 2))
    if about.name == "owl":
        enter_removal(data, about, minute + 3)
