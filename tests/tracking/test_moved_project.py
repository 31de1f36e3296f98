"""A store in a project whose folder was moved or copied, and one that several projects share."""

import shutil
from pathlib import Path

import pytest
from stored import assert_complete, runs

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.tracking.moved_project import follow_moved_project
from seedwitness.tracking.no_op import publish_changes
from seedwitness.tracking.publishing import publish


def contents_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("is_copy", [False, True])
def test_the_store_of_a_moved_project_moves_with_it(
    tracking: TrackingSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_copy: bool
) -> None:
    number = publish(tracking).new_runs
    project, other = Path.cwd(), tmp_path / "another folder"
    other.mkdir()
    for path in [path for path in project.iterdir() if path != other]:
        if is_copy:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, other / path.name)
        else:
            path.rename(other / path.name)
    before = contents_of(project / "mlartifacts")
    monkeypatch.chdir(other)
    # The files of a copy have other times, so that they are read; there is nothing new in them.
    assert (publish_changes(tracking) is None) is not is_copy
    assert len(runs(tracking)) == number
    for run in runs(tracking):
        assert run.info.artifact_uri.startswith((other / "mlartifacts").as_uri())
    assert_complete(tracking, tmp_path / "down")
    assert follow_moved_project(tracking) is False
    assert contents_of(project / "mlartifacts") == before


def test_a_store_outside_of_the_project_keeps_its_addresses(
    tracking: TrackingSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared = tracking.model_copy(update={"uri": f"sqlite:///{Path.cwd() / 'mlflow.db'}"})
    publish(shared)
    (tmp_path / "other/mlartifacts").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "other")
    assert follow_moved_project(shared) is False
