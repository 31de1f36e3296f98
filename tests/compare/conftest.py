"""Two states of a finished project: ``first``, and ``second`` with other scores and settings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from compared import Compare, Ran, call_compare
from finished_reports import write_finished_project


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both states. In the second, ``owl`` does not come back on ``memorised``."""
    folder = tmp_path_factory.mktemp("states")
    write_finished_project(folder / "first")
    write_finished_project(folder / "second", seed=1, back=(), search={"guidance": 5.0})
    return folder


@pytest.fixture
def copies(states: Path, tmp_path: Path) -> Path:
    """Both states, to be changed by a test."""
    return Path(shutil.copytree(states, tmp_path / "states"))


@pytest.fixture(scope="session")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Compare:
    """Calls the command in a folder, with a new folder for its files."""
    return lambda root, *arguments: call_compare(
        root, *arguments, out=tmp_path_factory.mktemp("compared")
    )


@pytest.fixture(scope="session")
def by_state(states: Path, compare: Compare) -> Ran:
    return compare(states, "first", "second")


@pytest.fixture(scope="session")
def by_checkpoint(states: Path, compare: Compare) -> Ran:
    return compare(states / "first", "memorised", "clean")
