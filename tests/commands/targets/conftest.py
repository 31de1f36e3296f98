"""A project under Git and DVC, without a target, and three images beside it."""

import shutil
from pathlib import Path

import pytest
from repositories import commit_all, init_dvc, init_git
from target_projects import picture

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed settings under Git and DVC, without a target."""
    root = tmp_path_factory.mktemp("empty") / "project"
    shutil.copytree(ROOT / "conf", root / "conf")
    for name in (".gitignore", ".dvcignore", "params.yaml"):
        shutil.copy(ROOT / name, root)
    init_git(root)
    init_dvc(root)
    commit_all(root, "first")
    return root


@pytest.fixture
def project(empty_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it; the working directory is there."""
    root = tmp_path / "project"
    shutil.copytree(empty_project, root)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images beside the project: ``a.png``, ``b.png``, ``c.png``."""
    folder = tmp_path / "images"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        picture(folder / f"{name}.png", seed)
    return folder
