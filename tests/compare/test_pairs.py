"""Pairs by seed of two states, against another calculation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compared import Compare, Ran, edit, evidence
from scipy.stats import binomtest

from seedwitness.compare.documents import PairedDifference

CASES = [("owl", "memorised"), ("owl", "clean"), ("heron", "memorised"), ("heron", "clean")]


def by_hand(states: Path, target: str, checkpoint: str) -> pd.Series:
    """The difference of each seed: of first minus second, as distances by the descriptor."""
    tables = []
    for name in ("first", "second"):
        case = f"{target}/{checkpoint}"
        scores = pd.read_parquet(states / name / "data/score" / case / "scores.parquet")
        trials = pd.read_parquet(states / name / "data/search" / case / "trials.parquet")
        scores = scores[scores["metric"] == "descriptor"].set_index("trial")["score"]
        tables.append(trials.set_index("trial").assign(distance=-scores))
    difference = tables[0]["distance"] - tables[1]["distance"]
    return difference.groupby(tables[0]["seed"]).mean()


@pytest.mark.parametrize(("target", "checkpoint"), CASES)
def test_pairs_are_those_of_another_calculation(
    states: Path, by_state: Ran, target: str, checkpoint: str
) -> None:
    (pair,) = [
        each
        for each in by_state.document.paired
        if (each.target, each.checkpoint) == (target, checkpoint)
    ]
    expected = by_hand(states, target, checkpoint)
    assert (pair.base, pair.other, pair.metric) == ("first", "second", "descriptor")
    assert (pair.n, pair.recipes) == (8, 16)
    assert pair.mean == pytest.approx(expected.mean())
    assert pair.median == pytest.approx(expected.median())
    assert pair.low < pair.mean < pair.high
    assert (pair.median_low, pair.median_high) == pytest.approx((expected.min(), expected.max()))
    closer = int((expected > 0).sum())
    assert pair.other_closer is not None
    assert (pair.other_closer.hits, pair.other_closer.n) == (closer, 8)
    assert pair.p == pytest.approx(binomtest(closer, 8).pvalue)


def holm(pairs: list[PairedDifference]) -> list[float]:
    """Holm's adjustment by its definition: the greatest of the steps up to each test."""
    values = np.array([pair.p for pair in pairs])
    steps = {k: (len(values) - rank) * values[k] for rank, k in enumerate(np.argsort(values))}
    return [
        min(1.0, max(steps[j] for j in steps if values[j] <= values[k])) for k in range(len(values))
    ]


def test_p_is_adjusted_over_all_pairs(by_state: Ran) -> None:
    pairs = by_state.document.paired
    assert len(pairs) == 4
    assert [pair.p_holm for pair in pairs] == pytest.approx(holm(pairs))


def test_a_trial_that_a_result_chose_is_left_out(copies: Path, compare: Compare) -> None:
    path = copies / "first/data/search/owl/clean/trials.parquet"
    trials = pd.read_parquet(path)
    trials.loc[0, "parent"] = "another trial"
    trials.to_parquet(path, index=False)
    pairs = compare(copies, "first", "second").document.paired
    counted = {(pair.target, pair.checkpoint): pair.recipes for pair in pairs}
    assert counted["owl", "clean"] == 15
    assert counted["heron", "clean"] == 16


def test_other_pixels_are_no_pair(copies: Path, compare: Compare) -> None:
    edit(evidence(copies / "second"), lambda each: each["target"].update(pixels_sha256="9" * 64))
    document = compare(copies, "first", "second").document
    (found,) = document.differences.data
    assert (found.name, found.targets) == ("target.pixels_sha256", ["owl"])
    assert {each.obstacle for each in document.unpaired} == {"other-pixels"}
    assert {each.target for each in document.unpaired} == {"owl"}


def test_other_alignments_are_no_pair(copies: Path, compare: Compare) -> None:
    edit(
        evidence(copies / "second"),
        lambda document: document["plan"]["alignments"].update(mirrored=True),
    )
    document = compare(copies, "first", "second").document
    obstacles = {(each.target, each.obstacle) for each in document.unpaired}
    assert obstacles == {("owl", "other-measure")}
