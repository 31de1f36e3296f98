"""Where a project lies, what Git says of it, and which files of a commit are missing."""

import shutil
from pathlib import Path

import pytest
from repositories import commit_all, git, init_git

from seedwitness.runtime.workspace import (
    find_project,
    is_modified,
    list_deleted,
    list_roots,
    read_revision,
)

LOG = Path("data/log")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project under Git, with two entries of a log, that lies below the repository's root."""
    init_git(tmp_path)
    root = tmp_path / "project"
    (root / LOG / "image").mkdir(parents=True)
    for name in ("first", "second"):
        (root / LOG / "image" / f"{name}.json").write_text(name)
    (root / "params.yaml").write_text("a: 1\n")
    (root / "dvc.lock").write_text("stages: {}\n")
    (root / "data" / "dvc.lock").write_text("stages: {}\n")
    commit_all(tmp_path, "first")
    return root


def entry(name: str) -> Path:
    return LOG / "image" / f"{name}.json"


def test_a_folder_of_its_own_is_the_project(root: Path) -> None:
    assert find_project(root) == root.resolve()
    assert list_roots(root) == [root.resolve()]


@pytest.mark.parametrize("place", ["x", "standalone/x"])
def test_the_project_of_a_temporary_workspace_is_found(root: Path, place: str) -> None:
    workspace = root / ".dvc/tmp/exps" / place
    workspace.mkdir(parents=True)
    assert find_project(workspace) == root.resolve()
    assert list_roots(workspace) == [workspace.resolve(), root.resolve()]


def test_the_working_directory_is_the_workspace(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = root / ".dvc/tmp/exps/x"
    workspace.mkdir(parents=True)
    monkeypatch.chdir(workspace)
    assert list_roots() == [workspace.resolve(), root.resolve()]


@pytest.mark.parametrize("place", [".dvc/tmp/other/x", "dvc/tmp/exps/x", "exps/x", ".dvc/tmp/exps"])
def test_another_folder_is_no_temporary_workspace(root: Path, place: str) -> None:
    (root / place).mkdir(parents=True)
    assert find_project(root / place) == (root / place).resolve()


def test_the_revision_is_the_commit_that_is_checked_out(root: Path) -> None:
    assert read_revision(root) == git(root, "rev-parse", "HEAD").strip()
    assert len(read_revision(root)) == 40


def test_outside_of_git_there_is_no_revision_and_nothing_is_deleted(tmp_path: Path) -> None:
    assert read_revision(tmp_path) == ""
    assert not is_modified(tmp_path)
    assert list_deleted(LOG, tmp_path) == []
    init_git(tmp_path)  # without a commit
    assert read_revision(tmp_path) == ""
    assert list_deleted(LOG, tmp_path) == []


def test_without_the_program_there_is_no_revision(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(root))
    assert (read_revision(root), is_modified(root), list_deleted(LOG, root)) == ("", False, [])


@pytest.mark.parametrize("name", ["dvc.lock", "data/dvc.lock"])
def test_a_lock_file_is_no_modification(root: Path, name: str) -> None:
    (root / name).write_text("stages: {plan: {cmd: x}}\n")
    assert git(root, "status", "--porcelain")
    assert not is_modified(root)
    (root / "params.yaml").write_text("a: 2\n")
    assert is_modified(root)


def test_a_file_that_git_does_not_know_is_no_modification(root: Path) -> None:
    (root / "notes.txt").write_text("mine")
    assert not is_modified(root)
    git(root, "add", "notes.txt")
    assert is_modified(root)


def test_a_change_outside_of_the_project_is_no_modification(root: Path) -> None:
    (root.parent / "beside.txt").write_text("1")
    commit_all(root.parent, "beside")
    (root.parent / "beside.txt").write_text("2")
    assert git(root.parent, "status", "--porcelain", "-uno")
    assert not is_modified(root)


def test_with_every_file_in_place_nothing_is_deleted(root: Path) -> None:
    (root / entry("third")).write_text("not committed")
    assert list_deleted(LOG, root) == []


def test_a_deleted_file_of_the_commit_is_listed(root: Path) -> None:
    (root / entry("second")).unlink()
    assert list_deleted(LOG, root) == [entry("second")]
    (root / "params.yaml").unlink()  # which is not in that folder
    assert list_deleted(LOG, root) == [entry("second")]
    git(root, "rm", "-q", "--cached", str(entry("second")))
    assert list_deleted(LOG, root) == [entry("second")]


def test_a_file_that_an_earlier_commit_deleted_is_listed(root: Path) -> None:
    git(root, "rm", "-q", str(entry("first")))
    commit_all(root, "removed")
    commit_all(root, "and something else")
    assert list_deleted(LOG, root) == [entry("first")]
    git(root, "checkout", "-q", "HEAD~2", "--", str(LOG))
    assert list_deleted(LOG, root) == []


def test_a_moved_file_is_listed_under_its_old_name(root: Path) -> None:
    git(root, "mv", str(entry("first")), str(entry("elsewhere")))
    commit_all(root, "moved")
    assert list_deleted(LOG, root) == [entry("first")]


def test_a_file_that_a_merge_has_left_out_is_listed(root: Path) -> None:
    """No commit deletes it: the merge takes everything from the other side."""
    git(root, "checkout", "-q", "-b", "other")
    (root / entry("theirs")).write_text("theirs")
    commit_all(root, "theirs")
    git(root, "checkout", "-q", "main")
    (root / entry("mine")).write_text("mine")
    commit_all(root, "mine")
    git(root, "merge", "-q", "-s", "ours", "-m", "merged", "other")
    assert list_deleted(LOG, root) == [entry("theirs")]


def test_names_of_any_characters_are_listed(root: Path) -> None:
    path = root / LOG / 'é "quoted" name.json'
    path.write_text("x")
    commit_all(root, "odd")
    path.unlink()
    assert list_deleted(LOG, root) == [LOG / path.name]


def test_a_clone_knows_what_was_deleted(root: Path, tmp_path: Path) -> None:
    git(root, "rm", "-q", str(entry("first")))
    commit_all(root, "removed")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", ".", str(clone))
    assert list_deleted(LOG, clone / "project") == [entry("first")]
    shutil.rmtree(clone / "project" / LOG)
    assert list_deleted(LOG, clone / "project") == [entry("first"), entry("second")]
