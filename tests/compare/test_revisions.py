"""Revisions through Git and DVC: nothing is checked out, and what is not cached is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from compared import Compare
from repositories import commit_all, git, init_dvc, init_git

pytestmark = pytest.mark.slow

IGNORED = "/reports/\n/data/*\n!/data/plans\n!/data/attempts\n!/data/outcomes\n"
TARGETS, CHECKPOINTS = ("owl", "heron"), ("memorised", "clean")


def dvc(root: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "dvc", *arguments]
    ended = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def write_pipeline(root: Path) -> None:
    """The outputs that a comparison reads, each of a stage that does nothing."""
    outs = ["data/plan", *(f"reports/{target}" for target in TARGETS)]
    outs += [
        f"data/{stage}/{target}/{checkpoint}"
        for stage in ("search", "score", "replay")
        for target in TARGETS
        for checkpoint in CHECKPOINTS
    ]
    stages = {out.replace("/", "-"): {"cmd": "true", "outs": [out]} for out in outs}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))


def take_state(root: Path, state: Path) -> None:
    """Replace the results in ``root`` by those of ``state``."""
    for name in ("data", "reports"):
        shutil.rmtree(root / name, ignore_errors=True)
        shutil.copytree(state / name, root / name)
    shutil.copy(state / "params.yaml", root)
    dvc(root, "commit", "-f", "-q")


@pytest.fixture(scope="module")
def repository(states: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tags ``v1`` and ``v2`` with the two states, pushed to a remote; ``v2`` is checked out."""
    home = tmp_path_factory.mktemp("revisions")
    root = home / "project"
    root.mkdir()
    init_git(root)
    init_dvc(root)
    (root / ".gitignore").write_text(IGNORED)
    write_pipeline(root)
    dvc(root, "remote", "add", "-q", "-d", "store", str(home / "store"))
    for tag, state in (("v1", "first"), ("v2", "second")):
        take_state(root, states / state)
        commit_all(root, state)
        git(root, "tag", tag)
        dvc(root, "push", "-q")
    return root


@pytest.fixture
def clone(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of the project with an empty cache."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))  # DVC remembers folders there
    git(tmp_path, "clone", "-q", str(repository), "clone")
    return tmp_path / "clone"


def test_revisions_give_the_page_of_their_folders(
    repository: Path, copies: Path, compare: Compare
) -> None:
    before = git(repository, "status", "--porcelain")
    revisions = compare(repository, "v1", "v2")
    for state, name in (("first", "v1"), ("second", "v2")):
        (copies / state).rename(copies / name)
    pages = []
    for ran in (revisions, compare(copies, "v1", "v2")):
        page = ran.page.replace("<td>revision</td>", "<td>folder</td>")
        for side in ran.document.sides:
            page = page.replace(side.place, "a place")
        pages.append(page)
    assert pages[0] == pages[1]
    sides = revisions.document.sides
    assert [side.kind for side in sides] == ["revision", "revision"]
    assert sides[0].place == git(repository, "rev-parse", "v1").strip()
    assert git(repository, "status", "--porcelain") == before
    assert git(repository, "rev-parse", "HEAD") == git(repository, "rev-parse", "v2")


def test_the_working_directory_is_a_side(repository: Path, compare: Compare) -> None:
    document = compare(repository, "v1", "workspace").document
    assert [case.differing for case in document.cases if case.differing] == [["memorised"]]
    same = compare(repository, "v2", "workspace").document
    assert not any(case.differing for case in same.cases)
    assert same.differences.settings == []


def test_a_revision_and_a_folder_are_compared(
    repository: Path, states: Path, compare: Compare
) -> None:
    document = compare(repository, "v1", str(states / "second")).document
    assert len(document.paired) == 4


def test_an_experiment_of_dvc_has_a_name(
    repository: Path, states: Path, tmp_path: Path, compare: Compare
) -> None:
    root = tmp_path / "project"
    shutil.copytree(repository, root, symlinks=True)
    take_state(root, states / "first")
    dvc(root, "exp", "save", "-q", "-n", "higher-guidance")
    document = compare(root, "v1", "higher-guidance").document
    assert not any(case.differing for case in document.cases)
    refused = compare(root, "v1", "v1^0")
    assert "`v1` and `v1^0` are the same" in refused.stderr


def test_a_remote_is_read_without_a_fetch(clone: Path, compare: Compare) -> None:
    document = compare(clone, "v1", "v2").document
    assert len(document.paired) == 4
    assert document.missing == []
    assert not [path for path in (clone / ".dvc/cache").rglob("*") if path.is_file()]
    assert not (clone / "reports").exists()


def test_without_remote_and_cache_the_remedy_is_named(clone: Path, compare: Compare) -> None:
    dvc(clone, "remote", "modify", "--local", "store", "url", str(clone / "nowhere"))
    ran = compare(clone, "v1", "v2")
    assert ran.code == 1
    assert "None of the 2 reports of v1 can be read: they are not cached here" in ran.stderr
    assert "`dvc fetch --all-commits reports/heron/evidence.json`" in ran.stderr


def test_reports_without_tables_name_what_is_missing(clone: Path, compare: Compare) -> None:
    dvc(clone, "fetch", "-q", "--all-commits", "reports/owl")
    dvc(clone, "remote", "modify", "--local", "store", "url", str(clone / "nowhere"))
    ran = compare(clone, "v1", "v2")
    document = ran.document
    assert {case.target for case in document.cases} == {"owl"}
    missing = {(each.side, each.folder): each for each in document.missing}
    assert missing["v1", "reports"].paths == ["reports/heron/evidence.json"]
    assert "`dvc fetch --all-commits data/search/owl/memorised/trials.parquet`" in (
        missing["v2", "data/search"].remedy
    )
    assert {each.obstacle for each in document.unpaired} == {"files-missing"}
    assert "v1: missing of data/plan: 1. `dvc fetch" in ran.stdout


def test_stages_that_never_ran_have_no_reports(clone: Path, compare: Compare) -> None:
    (clone / "dvc.lock").unlink()
    commit_all(clone, "no results")
    ran = compare(clone, "main", "v1")
    assert ran.code == 1
    assert "main has no reports: there is no reports/TARGET/evidence.json." in ran.stderr
    assert "`seedwitness run` makes them" in ran.stderr
