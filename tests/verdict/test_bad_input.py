"""Controls and scores that are few, alike or no numbers: no p of 0, nothing divided by 0."""

from dataclasses import replace

import numpy as np
import pytest
from cases import CASE, SETTINGS, controls, scores

from seedwitness.errors import RecordError
from seedwitness.records.findings import MemorisedFinding
from seedwitness.records.reasons import Reason
from seedwitness.verdict.case_data import CaseData, distances_by_trial
from seedwitness.verdict.judgement import judge_cases
from seedwitness.verdict.reference_comparison import ReferenceComparison, find_objection
from seedwitness.verdict.reference_gain import rank_gain


def judge_case(case: CaseData) -> MemorisedFinding:
    (judged,) = judge_cases([case], SETTINGS)
    ranks = [judged.memorised.rank, *(each.rank for each in judged.memorised.sensitivity)]
    for rank in ranks:
        assert rank is not None
        assert 0 < rank.p <= rank.p_family <= 1
        assert rank.controls >= 0
    return judged.memorised


@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_few_controls_say_nothing(count: int) -> None:
    judged = judge_case(replace(CASE, controls=controls([0.3] * count)))
    assert judged.finding == "inconclusive"
    assert judged.reasons[0].code == "too-few-controls"
    assert judged.reasons[0].values["controls"] == count
    assert not any(each.change.code == "one-control-fewer" for each in judged.sensitivity)


def test_controls_that_are_all_alike_are_ties() -> None:
    judged = judge_case(replace(CASE, controls=controls([0.9] * 99)))
    assert judged.rank is not None
    assert (judged.rank.at_least_as_close, judged.rank.p) == (99, 1)
    assert judged.finding == "inconclusive"  # copies, but the controls come as close


def test_one_picture_twice_among_the_controls_is_no_two() -> None:
    judged = judge_case(replace(CASE, controls=controls([0.3] * 99, ["x"] * 99)))
    assert judged.finding == "inconclusive"
    assert judged.reasons[0] == Reason(
        code="duplicate-images", values={"group": "controls", "first": "c0", "second": "c1"}
    )


def test_one_control_saved_twice_is_no_two() -> None:
    twice = CASE.controls.copy()
    twice.loc[twice["control"] == "c5", "pdq"] = twice.loc[twice["control"] == "c3", "pdq"].iloc[0]
    judged = judge_case(replace(CASE, controls=twice))
    assert judged.finding == "inconclusive"
    assert judged.reasons[0] == Reason(
        code="duplicate-images", values={"group": "controls", "first": "c3", "second": "c5"}
    )


def test_no_picture_is_learned_and_never_seen() -> None:
    judged = judge_case(replace(CASE, learned=controls([0.6] * 12)))
    assert judged.finding == "inconclusive"
    assert judged.reasons[0] == Reason(code="control-also-learned", values={"image": "c0"})
    assert judged.likelihood is None
    assert judged.no_likelihood == Reason(code="likelihood-case-excluded")


def test_trials_that_results_chose_gain_nothing_over_the_reference() -> None:
    """As after halving: no trial that was sampled to its last step is blind."""
    chosen = replace(CASE, trials=CASE.trials.assign(parent="t0"))
    distances = distances_by_trial(chosen.scores)
    assert rank_gain(chosen, SETTINGS, distances) is None
    comparison = ReferenceComparison(None, None, None)
    assert find_objection(comparison) == Reason(code="reference-no-blind-trials")


def test_a_single_trial_has_a_gain_and_no_interval() -> None:
    one = replace(CASE, scores=scores([0.9], [0.1]), reference_scores=scores([0.3], [0.4]))
    judged = judge_case(one)
    assert judged.finding == "supported"
    assert judged.reference is None
    assert judged.gain is not None
    assert (judged.gain.score, judged.gain.reference_score) == (0.9, 0.3)


def test_scores_that_are_equal_on_the_reference_leave_the_plain_rank() -> None:
    level = CASE.reference_controls.assign(score=0.3)
    judged = judge_case(
        replace(CASE, reference_controls=level, reference_scores=scores([0.3] * 16, [0.4] * 16))
    )
    assert judged.gain is not None
    assert judged.gain.slope == 0
    assert judged.gain.rank.p == judged.rank.p == 0.01


def test_a_score_without_bound_is_no_number() -> None:
    endless = CASE.reference_scores.copy()
    endless.loc[0, "score"] = -np.inf
    with pytest.raises(RecordError, match="scores by descriptor are not finite"):
        judge_case(replace(CASE, reference_scores=endless))


def test_a_copy_to_the_search_alone_is_none() -> None:
    """The search decodes a trial beside others; on the threshold that may make the difference."""
    ended = CASE.search.model_copy(update={"ended": "copies"})
    judged = judge_case(replace(CASE, search=ended, scores=scores([0.9, 0.8] * 8, [0.16] * 16)))
    assert judged.copies is not None
    assert judged.copies.rate.hits == 0


def test_a_control_fewer_is_no_more_controls_as_close_than_there_are() -> None:
    judged = judge_case(replace(CASE, controls=controls([0.95] * 100)))
    [fewer] = [each for each in judged.sensitivity if each.change.code == "one-control-fewer"]
    assert (fewer.rank.at_least_as_close, fewer.rank.controls) == (99, 99)


def test_scores_that_are_all_alike_differ_by_nothing() -> None:
    same = scores([0.5] * 16, [0.5] * 16)
    judged = judge_case(
        replace(CASE, scores=same, reference_scores=same, controls=controls([0.5] * 99))
    )
    assert judged.finding == "not supported"
    assert judged.reference is not None
    assert (judged.reference.difference, judged.reference.p) == (0, 1)


@pytest.mark.parametrize("which", ["scores", "controls", "reference_scores"])
def test_a_score_that_is_no_number_is_named(which: str) -> None:
    table = getattr(CASE, which).copy()
    table.loc[0, "score"] = np.nan
    with pytest.raises(RecordError, match="scores by descriptor are not finite"):
        judge_cases([replace(CASE, **{which: table})], SETTINGS)


def test_a_replay_that_lacks_a_score_is_no_replay() -> None:
    lacking = CASE.reference_scores.drop(index=0)  # one trial, by one metric
    for replayed in (lacking, CASE.reference_scores[:0]):
        with pytest.raises(RecordError, match="other trials than the search"):
            judge_cases([replace(CASE, reference_scores=replayed)], SETTINGS)
