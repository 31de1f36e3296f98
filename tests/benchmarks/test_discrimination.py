"""Discrimination by detectors: AUC, TPR, subtraction of the reference, findings, the summary."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.detectors.discrimination import (
    FINDING,
    FINDING_MINUS_REFERENCE,
    MINUS_REFERENCE,
    count_findings,
    discrimination_figures,
    subtract_reference,
)
from benchmarks.detectors.page import render_comparison
from benchmarks.shared.groups import PLANTED
from detector_rows import make_rows, make_tprs


def test_figures_are_those_of_a_group_against_held_out_pictures() -> None:
    held_out = [k / 100 for k in range(100)]
    apart = make_rows("apart", held_out, [2.0, 3.0])
    middle = make_rows("middle", held_out, [0.495, 0.495, 5.0, 5.0])
    figures = {row["detector"]: row for row in discrimination_figures(apart + middle)}
    assert set(figures) == {"apart", "middle"}
    assert figures["apart"]["auc"]["value"] == figures["apart"]["tpr"]["value"] == 1
    auc = figures["middle"]["auc"]
    assert auc["value"] == pytest.approx(0.75)
    assert figures["middle"]["tpr"]["value"] == 0.5
    assert auc["low"] < 0.75 < auc["high"]
    assert (auc["positives"], auc["negatives"]) == (4, 100)


def test_the_reference_is_subtracted_from_each_value() -> None:
    """An image that both copy falls behind one that the checkpoint alone comes near."""
    rows = make_rows(FINDING, [2.9, 0.4], [0.7])
    reference = make_rows(FINDING, [2.8, 0.5], [0.2])[:3]
    differences = subtract_reference(rows, reference)
    assert [row["value"] for row in differences] == pytest.approx([0.5, 0.1, -0.1])
    assert {(row["detector"], row["nfe"], row["seconds"]) for row in differences} == {
        (FINDING_MINUS_REFERENCE, 640, 2.0)
    }
    assert [row["group"] for row in differences] == ["planted 8 times", "held out", "held out"]
    assert subtract_reference(rows, reference[1:]) == differences[1:]


def test_a_finding_takes_a_low_rank_and_a_copy() -> None:
    """A copy adds 2 to the score, and the rank is by what is left."""
    held_out = [k / 200 for k in range(199)] + [2.0]  # the last a copy, and far by descriptor
    planted = [2.995, 0.995, 2.5]  # close and a copy; close and none; a copy and not close
    counts: dict[str, dict[str, Any]] = {
        row["group"]: row for row in count_findings(make_rows(FINDING, held_out, planted))
    }
    assert (counts["planted 8 times"]["supported"], counts["planted 8 times"]["n"]) == (1, 3)
    assert (counts["held out"]["supported"], counts["held out"]["n"]) == (0, 200)


def test_the_best_are_named_by_what_they_need() -> None:
    others = {"most-alike": (0.6, 0.6, 0.6), "clique": (0.2, 0.3, 0.4), "hessian": (0.4, 0.2, 0.2)}
    ours = {FINDING_MINUS_REFERENCE: (0.9, 0.8, 0.5), FINDING: (0.8, 0.7, 0.4)}
    ours["most-alike" + MINUS_REFERENCE] = (1.0, 1.0, 1.0)
    table = render_comparison(make_tprs(**ours, **others))
    rows = [line.split(" | ") for line in table.splitlines() if "planted" in line]
    assert len(rows) == 2 * len(PLANTED)
    assert all(row[4].endswith("most-alike") for row in rows)
    assert [row[5].split(", ")[1] for row in rows[:3]] == ["hessian |", "clique |", "clique |"]
