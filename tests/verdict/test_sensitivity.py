"""Sensitivity: what would change with one control fewer, another metric, half of the trials."""

from dataclasses import replace

import numpy as np
import pandas as pd
from cases import CASE, FAR, SETTINGS, controls, scores

from seedwitness.records.findings import SensitivityVariant
from seedwitness.records.reasons import Reason
from seedwitness.verdict.case_data import CaseData, split_half
from seedwitness.verdict.judgement import judge_cases


def name(change: Reason) -> str:
    return " ".join([change.code, *(str(value) for value in change.values.values())])


def compute_variants(
    case: CaseData, controls_more: int = 1, *, alike: bool = False
) -> dict[str, SensitivityVariant]:
    """By what is changed; with more controls than the judge asks for, so that one may go.

    ``alike`` makes a control's two trials equal, and so its halves.
    """
    others = controls(np.linspace(0.2, 0.5, 99 + controls_more).tolist())
    if alike:
        others["score"] = others.groupby(["control", "metric"])["score"].transform("max")
    (judged,) = judge_cases([replace(case, controls=others)], SETTINGS)
    return {name(each.change): each for each in judged.memorised.sensitivity}


def test_a_finding_may_stand_whatever_is_changed() -> None:
    all_of_them = compute_variants(CASE)
    assert list(all_of_them) == [
        "one-control-fewer",
        "ranked-by-metric patch-l2 no weights",
        "half-of-trials 1",
        "half-of-trials 2",
    ]
    stands = {what: each.finding for what, each in all_of_them.items()}
    assert set(stands.values()) == {"supported"}
    fewer, _, one, other = all_of_them.values()
    assert (fewer.rank.controls, fewer.rank.p, fewer.rank.resolution) == (99, 0.01, 0.01)
    assert (one.trials, other.trials, one.copies, other.copies) == (8, 8, 8, 8)


def test_the_fewest_controls_are_not_asked_to_be_one_fewer() -> None:
    """They would be too few whatever the evidence, which says nothing of it."""
    assert "one-control-fewer" not in compute_variants(CASE, 0)


def test_a_half_is_held_against_the_same_half_of_the_reference() -> None:
    """It copied in all trials of one half: there alone the word is withheld."""
    trials = CASE.scores.loc[CASE.scores["metric"] == "descriptor", "trial"].reset_index(drop=True)
    copied = split_half(trials, 0)
    theirs = scores(np.linspace(0.3, 0.35, 16).tolist(), [0.1 if each else 0.4 for each in copied])
    halves = compute_variants(replace(CASE, reference_scores=theirs))
    assert halves["half-of-trials 2"].finding == "supported"
    assert halves["half-of-trials 1"].finding == "inconclusive"
    assert halves["half-of-trials 1"].reason == Reason(
        code="reference-copies-too",
        values={
            "checkpoint": "clean",
            "copies": 8,
            "trials": 8,
            "reference_copies": 8,
            "reference_trials": 8,
        },
    )


def test_what_rests_on_one_trial_falls_with_its_half() -> None:
    values = [0.9] + [0.3] * 15
    lucky = replace(CASE, scores=scores(values, [0.1] + [0.4] * 15), reference_scores=FAR)
    all_of_them = compute_variants(lucky, alike=True)
    halves = [all_of_them[f"half-of-trials {half}"] for half in (1, 2)]
    assert sorted((each.copies, each.finding) for each in halves) == [
        (0, "not supported"),
        (1, "supported"),  # the one trial is closer than every control, and none is elsewhere
    ]


def test_halves_are_of_one_size_and_in_no_order() -> None:
    trials = pd.Series(["b", "d", "a", "c", "e"])
    one, other = split_half(trials, 0), split_half(trials, 1)
    assert sorted(trials[one]) == ["b", "d"]
    assert sorted(trials[other]) == ["a", "c", "e"]
    shuffled = trials.sample(frac=1, random_state=1)
    assert sorted(shuffled[split_half(shuffled, 0)]) == ["b", "d"]


def test_controls_are_halved_as_the_target_is() -> None:
    """Each control's second trial is far away, and sorts last: one half sees nothing else."""
    ranks = [compute_variants(CASE)[f"half-of-trials {half}"].rank for half in (1, 2)]
    assert {each.controls for each in ranks} == {100}
    low = replace(CASE, scores=scores([0.1] * 16, [0.4] * 16), reference_scores=FAR)
    closer = [
        compute_variants(low)[f"half-of-trials {half}"].rank.at_least_as_close for half in (1, 2)
    ]
    assert sorted(closer) == [0, 100]
