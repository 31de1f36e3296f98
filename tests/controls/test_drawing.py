"""Controls that are drawn until every target's rank is known, by the stages of a small project."""

import shutil
from pathlib import Path

import pytest
from settling import change

from seedwitness.controls import execution
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import CONTROL_SCORES, TRIALS, read_table
from seedwitness.stages import output_path, run_stage


@pytest.fixture
def copied(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project after all stages, to be changed."""
    root = tmp_path / "project"
    shutil.copytree(whole, root, symlinks=True)
    monkeypatch.chdir(root)
    monkeypatch.setattr(execution, "DRAW_BLOCK", 2)
    return root


def test_the_draw_stops_and_a_target_judges_its_own_share(copied: Path) -> None:
    before = read_table(output_path("controls", "own") / "controls.parquet", CONTROL_SCORES)
    all_finding = read_document(CaseFindings, output_path("judge", "flat", "own") / "finding.json")
    change(copied, "controls", draw_by="data/score")
    run_stage("controls", ["own"])
    drawn = read_table(output_path("controls", "own") / "controls.parquet", CONTROL_SCORES)
    names = drawn["control"].drop_duplicates().tolist()
    assert names == before["control"].drop_duplicates().tolist()[: len(names)]
    assert len(names) % 2 == 0
    for stage in ("attempt", "judge"):
        run_stage(stage, ["flat"])
    found = read_document(CaseFindings, output_path("judge", "flat", "own") / "finding.json")
    rank, whole_rank = found.memorised.rank, all_finding.memorised.rank
    assert rank.planned == whole_rank.planned == 6
    assert (rank.p <= rank.alpha) == (whole_rank.p <= whole_rank.alpha)
    assert rank.controls <= len(names)
    if rank.is_stopped:  # the last one that was drawn is the one as close
        assert rank.at_least_as_close == 1
        assert rank.p == max(1 / rank.controls, 2 / 7)
    else:
        assert rank.p == whole_rank.p
    run_stage("report", ["flat"])


def test_controls_run_few_trials_on_the_reference(copied: Path) -> None:
    change(copied, "controls", reference_trials=2)
    for name in ("own", "clean"):
        run_stage("controls", [name])
    for name, trials in (("own", 6), ("clean", 2)):
        table = read_table(output_path("controls", name) / "controls.parquet", CONTROL_SCORES)
        assert set(table.groupby("control")["trial"].nunique()) == {trials}
    for stage in ("attempt", "judge"):
        run_stage(stage, ["flat"])
    found = read_document(CaseFindings, output_path("judge", "flat", "own") / "finding.json")
    assert found.memorised.gain is not None
    assert found.memorised.gain.rank.controls == 6


def test_a_target_has_further_trials_for_its_rate(copied: Path) -> None:
    search = output_path("search", "flat", "own")
    before = read_table(search / "trials.parquet", TRIALS)
    change(copied, "search", rate_nfe=16)
    for stage in ("search", "replay", "score"):
        run_stage(stage, ["flat", "own"])
    after = read_table(search / "trials.parquet", TRIALS)
    assert after["trial"].tolist()[: len(before)] == before["trial"].tolist()
    summary = read_document(SearchSummary, search / "search.json")
    assert (summary.trials, summary.rate_trials) == (len(after), len(after) - len(before))
    assert summary.rate_trials == 4
    for stage in ("attempt", "judge"):
        run_stage(stage, ["flat"])
    found = read_document(CaseFindings, output_path("judge", "flat", "own") / "finding.json")
    assert found.memorised.copies.rate.n == len(after)
