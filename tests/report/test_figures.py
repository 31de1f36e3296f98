"""Spreads and curves against what plain numpy says of the same tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedwitness.errors import RecordError
from seedwitness.report import figures
from seedwitness.report.sources import CaseSource, read_target_source


@pytest.fixture(scope="module")
def owl(project: Path) -> CaseSource:
    cases = {
        each.case.checkpoint: each for each in read_target_source(project / "data", "owl").cases
    }
    return cases["memorised"]


def test_a_spread_is_of_all_trials_and_of_each_control_once(owl: CaseSource) -> None:
    for metric, best in (("descriptor", np.max), ("patch-l2", np.min)):
        found = figures.group_scores(owl, metric)
        assert {name: len(values) for name, values in found.items()} == {
            "trials": 16,
            "reference": 16,
            "controls": 99,
        }
        table = owl.controls[owl.controls["metric"] == metric]
        expected = [best(group["score"]) for _, group in table.groupby("control")]
        assert sorted(found["controls"]) == sorted(expected)


def test_quartiles_are_numpys(owl: CaseSource) -> None:
    (found,) = [each for each in figures.describe_distributions(owl) if each.metric == "patch-l2"]
    group = found.groups[0]
    scores = owl.scores.loc[owl.scores["metric"] == "patch-l2", "score"]
    expected = np.quantile(scores, [0, 0.25, 0.5, 0.75, 1])
    measured = (group.closest, group.lower_quartile, group.median, group.upper_quartile)
    assert measured == pytest.approx(expected[:4])
    assert group.farthest == pytest.approx(expected[4])


@pytest.mark.parametrize("metric", ["descriptor", "patch-l2"])
def test_the_curve_is_the_running_best_in_the_order_of_the_search(
    owl: CaseSource, metric: str
) -> None:
    scores = owl.scores[owl.scores["metric"] == metric].set_index("trial")["score"]
    best = max if metric == "descriptor" else min
    expected, so_far = [], None
    for trial in owl.trials["trial"]:
        so_far = scores[trial] if so_far is None else best(so_far, scores[trial])
        expected.append(so_far)
    found = figures.compute_curve(owl, metric)
    assert found["closest"].tolist() == expected
    assert found["nfe"].tolist() == [24 * k for k in range(1, 17)]
    # At the end the controls are where the rank has them.
    ends = figures.group_scores(owl, metric)["controls"]
    assert found["controls_median"].iloc[-1] == pytest.approx(np.median(ends))
    closest, farthest = (ends.max(), ends.min()) if best is max else (ends.min(), ends.max())
    last = found.iloc[-1]
    assert (last["controls_closest"], last["controls_farthest"]) == (closest, farthest)


def test_the_curve_does_not_depend_on_the_order_of_the_scores(owl: CaseSource) -> None:
    mixed = replace(owl, scores=owl.scores.sample(frac=1, random_state=1))
    assert figures.compute_curve(mixed, "descriptor").equals(
        figures.compute_curve(owl, "descriptor")
    )


def test_controls_of_fewer_trials_end_earlier(owl: CaseSource) -> None:
    first = owl.controls["control"] == "control-000"
    cut = owl.controls[~(first & owl.controls["trial"].str.fullmatch(r"0{12}00(0[4-9]|1\d)"))]
    found = figures.compute_curve(replace(owl, controls=cut), "descriptor")
    assert found["controls_median"].notna().tolist() == [True] * 4 + [False] * 12
    assert [each.controls_median is None for each in figures.sample_curve(found)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_spent_is_at_powers_of_two_and_at_the_end(owl: CaseSource) -> None:
    table = figures.compute_curve(owl, "descriptor")
    assert [each.trials for each in figures.sample_curve(table)] == [1, 2, 4, 8, 16]
    assert [each.trials for each in figures.sample_curve(table[:11])] == [1, 2, 4, 8, 11]
    last = figures.sample_curve(table)[-1]
    assert last.controls_closest is not None
    assert last.controls_farthest is not None
    assert last.controls_closest > last.controls_farthest


def test_controls_that_are_copies_are_counted_once_each(owl: CaseSource) -> None:
    found = figures.estimate_controls_copied(owl)
    assert found is not None
    assert (found.hits, found.n) == (0, 99)
    near = owl.controls["metric"] == "patch-l2"
    two = near & owl.controls["control"].isin(["control-001", "control-002"])
    closer = owl.controls.assign(score=owl.controls["score"].mask(two, 0.1))
    found = figures.estimate_controls_copied(replace(owl, controls=closer))
    assert found is not None
    assert (found.hits, found.n) == (2, 99)
    only = owl.controls[owl.controls["metric"] == "descriptor"]
    assert figures.estimate_controls_copied(replace(owl, controls=only)) is None


def test_the_target_among_its_controls_is_left_out(owl: CaseSource) -> None:
    rank = owl.case.memorised.rank
    assert rank is not None
    ranked = rank.model_copy(update={"left_out": ["control-007"]})
    memorised = owl.case.memorised.model_copy(update={"rank": ranked})
    case = owl.case.model_copy(update={"memorised": memorised})
    assert len(figures.group_scores(replace(owl, case=case), "descriptor")["controls"]) == 98


def test_a_trial_without_a_score_is_named(owl: CaseSource) -> None:
    first = owl.trials["trial"].iloc[0]
    fewer = replace(owl, scores=owl.scores[owl.scores["trial"] != first])
    with pytest.raises(RecordError, match=first):
        figures.compute_curve(fewer, "descriptor")
    with pytest.raises(RecordError, match="lpips"):
        figures.group_scores(owl, "lpips")
