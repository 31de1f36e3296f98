"""Arguments that name nothing, or nothing that can be compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from compared import Compare
from repositories import commit_all, git, init_dvc, init_git


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["first"], "needs two sides"),
        (["first", "first"], "`first` is named twice"),
        (["first", "./first"], "`first` and `./first` are the same"),
        (["first", "third"], "`third` names nothing to compare: it is not the word `workspace`; "),
        (["first", "third"], "there is no folder of this name; it is no revision of Git"),
        (["first", "workspace"], "workspace has no reports"),
    ],
)
def test_arguments(states: Path, compare: Compare, arguments: list[str], message: str) -> None:
    ran = compare(states, *arguments)
    assert (ran.code, ran.stdout) == (1, "")
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not list(ran.out.iterdir())


def test_an_unknown_name_lists_the_checkpoints(states: Path, compare: Compare) -> None:
    ran = compare(states / "first", "memorised", "claen")
    assert "Did you mean `clean`? Known are: clean, memorised" in ran.stderr


def test_a_checkpoint_is_compared_with_checkpoints(states: Path, compare: Compare) -> None:
    ran = compare(states / "first", "memorised", "../second")
    assert ran.code == 1
    assert "`memorised` is a checkpoint of the reports here, and `../second` is not" in ran.stderr


def test_a_folder_without_reports_is_named(states: Path, tmp_path: Path, compare: Compare) -> None:
    ran = compare(states, "first", str(tmp_path))
    assert f"{tmp_path} holds neither reports/TARGET/evidence.json nor TARGET/" in ran.stderr


def test_another_schema_is_named_with_both_versions(copies: Path, compare: Compare) -> None:
    path = copies / "second/reports/owl/evidence.json"
    path.write_text(path.read_text().replace('"schema_version": "7', '"schema_version": "5'))
    ran = compare(copies, "first", "second")
    assert ran.code == 1
    assert (
        "reports/owl/evidence.json of second has the schema '5.0', and this version" in ran.stderr
    )
    assert "this version of seedwitness reads 7." in ran.stderr


def test_evidence_that_fits_no_model_is_named(copies: Path, compare: Compare) -> None:
    path = copies / "second/reports/owl/evidence.json"
    document = json.loads(path.read_bytes())
    del document["plan"]
    path.write_text(json.dumps(document))
    ran = compare(copies, "first", "second")
    assert "reports/owl/evidence.json of second does not fit the schema 7.0" in ran.stderr


def test_a_table_of_another_version_is_named(copies: Path, compare: Compare) -> None:
    path = copies / "second/data/score/owl/clean/scores.parquet"
    pd.read_parquet(path).drop(columns="metric").to_parquet(path)
    ran = compare(copies, "first", "second")
    assert ran.code == 1
    assert "data/score/owl/clean/scores.parquet of second was written by another" in ran.stderr


def test_an_altered_plan_is_named(copies: Path, compare: Compare) -> None:
    path = copies / "second/reports/heron/plan.json"
    path.write_text(path.read_text().replace("5.0", "7.0"))
    ran = compare(copies, "first", "second")
    assert "reports/heron/plan.json of second is not the plan that the evidence" in ran.stderr


def test_a_report_is_not_written_over(states: Path, compare: Compare) -> None:
    report = states / "first/reports/owl"
    ran = compare(states, "first", "second", "--out", str(report))
    assert ran.code == 1
    assert f"{report} is the report of a target" in ran.stderr
    assert not (report / "compare.json").exists()


def test_a_revision_without_reports_says_what_makes_them(
    copies: Path, tmp_path: Path, compare: Compare
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    init_git(root)
    init_dvc(root)
    commit_all(root, "nothing")
    shutil.copytree(copies / "first" / "reports", root / "reports")
    ran = compare(root, "main", "workspace")
    assert ran.code == 1
    assert "main has no reports: there is no reports/TARGET/evidence.json." in ran.stderr
    assert "`seedwitness run` makes them" in ran.stderr
    unknown = compare(root, "workspace", "mian")
    assert "no revision of Git and no experiment of DVC (unknown Git revision 'mian')" in (
        unknown.stderr
    )


def test_a_branch_with_the_name_of_a_checkpoint_has_a_longer_name(
    copies: Path, compare: Compare
) -> None:
    root = copies / "first"
    init_git(root)
    init_dvc(root)
    commit_all(root, "all of it in Git")
    git(root, "branch", "clean")
    refused = compare(root, "clean", "workspace")
    assert "write refs/heads/clean or ./clean" in refused.stderr
    document = compare(root, "refs/heads/clean", "workspace").document
    assert [side.kind for side in document.sides] == ["revision", "workspace"]
