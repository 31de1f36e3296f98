"""A finished pipeline of invented files, and an empty MLflow database, created once and copied."""

import shutil
from pathlib import Path
from types import ModuleType

import pytest
from benchmarks.shared import finished_project

from seedwitness.config.verdicts import TrackingSettings


@pytest.fixture(scope="session")
def projects() -> ModuleType:
    """The module that writes the files of a pipeline; the benchmark uses it too."""
    return finished_project


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: creating its tables takes longer than most tests."""
    from seedwitness.tracking import store

    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    store.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, projects: ModuleType, new_database: Path
) -> Path:
    """The files of two targets against two checkpoints, in the working directory."""
    projects.write_project(tmp_path)
    shutil.copy(new_database, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tracking(project: Path) -> TrackingSettings:
    """The default: a database and a folder in the project."""
    assert project == Path.cwd()
    return TrackingSettings()
