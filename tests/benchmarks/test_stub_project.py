"""In a project of stubs every stage has finished, and DVC sees every target."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from benchmarks.speed.page import bookkeeping_bars
from benchmarks.speed.pipeline import environment
from benchmarks.speed.stub_project import StubProject


@pytest.mark.slow
def test_nothing_is_left_to_do_and_one_more_target_runs_alone(tmp_path: Path) -> None:
    project = StubProject(tmp_path / "project", 1)
    assert run_repro(project) == []
    project.add_target()
    stages = run_repro(project)
    assert {stage for stage in stages if "target-000" in stage} == set()
    assert "data/targets/target-001/dvc.yaml:report" in stages
    assert run_repro(project) == []


def run_repro(project: StubProject) -> list[str]:
    """The stages that `dvc repro` runs."""
    completed = subprocess.run(
        ["dvc", "repro"],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    lines = completed.stdout.splitlines()
    return [line.split("'")[1] for line in lines if line.startswith("Running stage")]


def test_bars_of_bookkeeping_stand_at_their_numbers_of_targets() -> None:
    times = {"seconds": 16.0, "processor_seconds": 9.0, "rounds": [16.0]}
    projects = [
        {"targets": targets, "checkpoints": 2, "stages": 9, "no_op": times, "one_more": times}
        for targets in (8, 50, 200)
    ]
    bars = list(bookkeeping_bars({"projects": projects}))
    assert [bar.is_met for bar in bars] == [False, None, None, None, True, False]
