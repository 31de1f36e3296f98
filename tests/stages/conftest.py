"""Projects: one up to `identify`, and one that was run, committed and pushed, with clones."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from laidout import lay_out
from travelling import begin_project, run, served_commands

from seedwitness.stages import run_stage


@pytest.fixture
def project(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One target and two checkpoints, identified; the working directory is there."""
    lay_out(tmp_path, tiny_checkpoint)
    monkeypatch.chdir(tmp_path)
    for name in ("own", "other"):
        run_stage("identify", [name])
    return tmp_path


@pytest.fixture(scope="session")
def origin(
    tmp_path_factory: pytest.TempPathFactory,
    small_project: Callable[[Path], None],
    worker_id: str,
) -> Path:
    """A project that was run, committed and pushed, to DVC's remote and to a bare one of Git.

    It takes a minute, so that all processes of the tests share one.
    """
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "travel"
    root = home / "origin"
    with FileLock(f"{home}.lock"):
        if (home / "complete").exists():
            return root
        home.mkdir()
        with served_commands():
            begin_project(root, small_project, home / "store")
            shutil.copytree(root, home / "pristine")
            run(root, "seedwitness", "run")
        run(root, "git", "add", "-A")
        run(root, "git", "commit", "-qm", "the results")
        run(root, "dvc", "push", "-q")
        run(home, "git", "clone", "-q", "--bare", str(root), str(home / "hub.git"))
        run(root, "git", "remote", "add", "hub", str(home / "hub.git"))
        (home / "complete").touch()
    return root


@pytest.fixture(scope="module")
def served() -> Iterator[None]:
    """A fork server for the commands of one file's tests."""
    with served_commands():
        yield


@pytest.fixture
def clone(served: None, origin: Path, tmp_path: Path) -> Path:
    """A clone of the project, with what the remote has."""
    path = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(origin.parent / "hub.git"), str(path))
    run(path, "dvc", "pull", "-q")
    return path
