"""The checkpoints of one run side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from compared import Compare, Ran

SCORE = "data/score/{}/{}/{}.parquet"


def test_findings_differ_by_target_and_question(by_checkpoint: Ran) -> None:
    document = by_checkpoint.document
    assert [(side.name, side.kind, side.targets) for side in document.sides] == [
        ("memorised", "checkpoint", 2),
        ("clean", "checkpoint", 2),
    ]
    assert {case.target: case.differing for case in document.cases} == {
        "heron": ["memorised", "generated"],
        "owl": ["memorised"],
    }
    assert all(case.checkpoint is None for case in document.cases)


def test_the_identities_differ_and_the_state_does_not(by_checkpoint: Ran) -> None:
    differences = by_checkpoint.document.differences
    assert [each.name for each in differences.data] == ["sha256"]
    assert {each.name for each in differences.settings} == {"checkpoint.path", "checkpoint.watch"}
    assert differences.code == differences.environment == differences.results == []


@pytest.mark.parametrize("target", ["owl", "heron"])
def test_pairs_are_those_of_another_calculation(
    states: Path, by_checkpoint: Ran, target: str
) -> None:
    tables = []
    for name in ("memorised", "clean"):
        scores = pd.read_parquet(states / "first" / SCORE.format(target, name, "scores"))
        scores = scores[scores["metric"] == "descriptor"].set_index("trial")["score"]
        trials = states / "first/data/search" / target / name / "trials.parquet"
        tables.append(pd.read_parquet(trials).set_index("trial").assign(score=scores))
    gain = tables[1]["score"] - tables[0]["score"]  # of clean; a higher one is closer
    expected = gain.groupby(tables[0]["seed"]).mean()
    (pair,) = [each for each in by_checkpoint.document.paired if each.target == target]
    assert (pair.base, pair.other, pair.n) == ("memorised", "clean", 8)
    assert pair.mean == pytest.approx(expected.mean())
    assert pair.median == pytest.approx(expected.median())


def test_what_the_reference_made_of_other_recipes_counts(copies: Path, compare: Compare) -> None:
    """Where the reference has searched nothing itself, its replay of the recipes is paired."""
    first = copies / "first"
    own = first / "data/search/owl/clean/trials.parquet"
    trials = pd.read_parquet(own)
    trials["trial"] = [f"other-{k}" for k in range(len(trials))]
    trials.to_parquet(own, index=False)
    (pair,) = [
        each
        for each in compare(first, "memorised", "clean").document.paired
        if each.target == "owl"
    ]
    scores, replayed = (
        pd.read_parquet(first / SCORE.format("owl", "memorised", name)).query(
            "metric == 'descriptor'"
        )
        for name in ("scores", "reference")
    )
    gain = replayed.set_index("trial")["score"] - scores.set_index("trial")["score"]
    assert (pair.recipes, pair.n) == (16, 8)
    assert pair.mean == pytest.approx(gain.mean())  # each seed has two recipes


def test_images_of_the_replay_stand_beside(by_checkpoint: Ran) -> None:
    counts = {each.target: each.images for each in by_checkpoint.document.images}
    assert counts == {"heron": 8, "owl": 8}


def test_the_order_decides_the_base(states: Path, compare: Compare, by_checkpoint: Ran) -> None:
    turned = compare(states / "first", "clean", "memorised").document
    pairs = {pair.target: pair for pair in by_checkpoint.document.paired}
    for pair in turned.paired:
        assert pair.base == "clean"
        assert pair.mean == pytest.approx(-pairs[pair.target].mean)
        assert pair.p == pairs[pair.target].p


def test_a_target_without_one_of_them_is_listed(copies: Path, compare: Compare) -> None:
    path = copies / "first/reports/heron/evidence.json"
    document = json.loads(path.read_bytes())
    document["cases"].pop()
    path.write_text(json.dumps(document))
    compared = compare(copies / "first", "memorised", "clean").document
    (absence,) = compared.absences
    assert (absence.what, absence.name, absence.absent) == ("target", "heron", ["clean"])
    assert [case.figures[1] is None for case in compared.cases] == [True, False]


def test_reports_of_different_weights_are_refused(copies: Path, compare: Compare) -> None:
    path = copies / "first/reports/heron/evidence.json"
    document = json.loads(path.read_bytes())
    document["cases"][0]["checkpoint_sha256"] = "0" * 64
    path.write_text(json.dumps(document))
    ran = compare(copies / "first", "memorised", "clean")
    assert ran.code == 1
    assert "2 different checkpoints of the name memorised" in ran.stderr
