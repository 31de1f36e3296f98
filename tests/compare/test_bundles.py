"""Bundles as sides: two of them, and one beside a revision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundled import TARGET, call, write_project
from compared import Compare
from repositories import commit_all, init_dvc, init_git


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``first`` is a project and a bundle; ``second`` with other scores, as ZIP and redacted."""
    folder = tmp_path_factory.mktemp("bundles")
    write_project(folder / "project")
    write_project(folder / "other", seed=1, back=(), search={"guidance": 5.0})
    call(folder / "project", "bundle", TARGET, "--out", folder / "first")
    call(folder / "other", "bundle", TARGET, "--out", folder / "second.zip")
    call(folder / "other", "bundle", TARGET, "--redact", "--out", folder / "redacted.zip")
    return folder


def test_two_bundles_are_compared(bundles: Path, compare: Compare) -> None:
    ran = compare(bundles, "first", "second.zip")
    document = ran.document
    assert [side.kind for side in document.sides] == ["bundle", "bundle"]
    assert all(len(side.place) == 64 for side in document.sides)
    assert [case.differing for case in document.cases if case.checkpoint == "memorised"] == [
        ["memorised"]
    ]
    settings = {each.name: each.values for each in document.differences.settings}
    assert settings["search.guidance"] == ["3.0", "5.0"]
    assert "bundle, SHA-256 of its manifest" in ran.page


def test_a_bundle_is_compared_as_the_project_that_made_it(bundles: Path, compare: Compare) -> None:
    first = compare(bundles, "first", "second.zip").document
    projects = compare(bundles, "project", "other").document
    for name in ("cases", "differences"):
        assert getattr(first, name) == getattr(projects, name), name
    names = {"base", "other"}
    assert first.paired
    assert [each.model_dump(exclude=names) for each in first.paired] == [
        each.model_dump(exclude=names) for each in projects.paired
    ]


def test_a_bundle_is_compared_with_a_revision(bundles: Path, compare: Compare) -> None:
    root = bundles / "other"
    init_git(root)
    init_dvc(root)
    commit_all(root, "all of it in Git")
    document = compare(root, "main", "../second.zip").document
    assert [side.kind for side in document.sides] == ["revision", "bundle"]
    assert not any(case.differing for case in document.cases)
    assert document.differences.settings == []


def test_what_a_redacted_bundle_lacks_is_said(bundles: Path, compare: Compare) -> None:
    document = compare(bundles, "first", "redacted.zip").document
    assert document.cases
    missing = [each for each in document.missing if each.side == "redacted.zip"]
    assert all("redacted" in each.remedy for each in missing)


def test_an_altered_bundle_is_refused(bundles: Path, tmp_path: Path, compare: Compare) -> None:
    for name in ("first", "second"):
        call(
            bundles / ("project" if name == "first" else "other"),
            *("bundle", TARGET, "--out", tmp_path / name),
        )
    path = tmp_path / f"second/reports/{TARGET}/evidence.json"
    document = json.loads(path.read_bytes())
    document["cases"][0]["memorised"]["rank"]["p"] = 0.5
    path.write_text(json.dumps(document))
    ran = compare(tmp_path, "first", "second")
    assert ran.code == 1
    assert "evidence.json of second was altered" in ran.stderr


def test_the_same_bundle_twice_is_refused(bundles: Path, compare: Compare) -> None:
    ran = compare(bundles, "first", "./first")
    assert "`first` and `./first` are the same" in ran.stderr
