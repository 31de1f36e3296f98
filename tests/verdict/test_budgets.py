"""Two budgets, and controls that stop early: what p rests on, and what the rate counts."""

from dataclasses import replace

import pytest
from cases import BEST, CASE, FAR, SETTINGS, control_trials, controls, scores

from seedwitness.errors import RecordError
from seedwitness.records.findings import MemorisedFinding
from seedwitness.verdict.case_data import CaseData
from seedwitness.verdict.drawn_controls import cut_to_rank, keep_drawn_controls
from seedwitness.verdict.judgement import judge_cases

FIRST = scores([0.9, 0.8] * 8 + [0.3] * 24, [0.1] * 16 + [0.4] * 24)
LATER = scores([0.3] * 16 + [0.9, 0.8] * 12, [0.4] * 16 + [0.1] * 24)
REFERENCE = scores([0.3, 0.3, 0.31, 0.31] * 10, [0.4] * 40)
SEARCH = CASE.search.model_copy(update={"trials": 40, "rate_trials": 24})


def judge(case: CaseData) -> MemorisedFinding:
    return judge_cases([case], SETTINGS)[0].memorised


def test_further_trials_count_in_the_rate_and_not_in_p() -> None:
    more = replace(CASE, scores=FIRST, reference_scores=REFERENCE, search=SEARCH)
    found, without = judge(more), judge(CASE)
    assert found.finding == without.finding == "supported"
    assert found.rank == without.rank
    assert found.gain == without.gain
    assert (found.copies.rate.hits, found.copies.rate.n, found.copies.ranked) == (16, 40, 16)


def test_a_copy_among_further_trials_supports_nothing() -> None:
    """The controls had no such trials: however close they are, p is that of the first ones."""
    later = replace(CASE, scores=LATER, reference_scores=REFERENCE, search=SEARCH)
    found = judge(later)
    assert found.statistic.value == 0.3
    assert (found.copies.rate.hits, found.copies.ranked) == (24, 0)
    assert (found.finding, found.reasons[0].code) == ("inconclusive", "copies-but-controls-close")
    # All of them ranked, as if the controls had had as many, would be a finding.
    search = SEARCH.model_copy(update={"rate_trials": 0})
    assert judge(replace(later, search=search)).finding == "supported"


def test_the_gain_is_ranked_by_the_trials_that_the_controls_ran_on_the_reference() -> None:
    """With one trial each on the reference, a target's later trials there say nothing."""
    table = CASE.reference_controls
    first = table[table["trial"].str.endswith("t0")]
    one = replace(CASE, reference_controls=first, reference_trials=1)
    lucky = scores([0.3, 0.95] + [0.3] * 14, [0.4] * 16)
    plain, changed = judge(one), judge(replace(one, reference_scores=lucky))
    assert plain.gain is not None
    assert changed.gain == plain.gain
    assert plain.gain.reference_score == 0.3
    assert plain.finding == "supported"
    assert plain.gain.rank.controls == 99


def test_controls_stop_where_p_is_above_alpha_whatever_the_others_show() -> None:
    far = replace(CASE, scores=FAR)
    early = keep_drawn_controls(replace(far, planned_controls=99), SETTINGS)
    found, whole = judge(early), judge(far)
    # The controls come from 0.2 to 0.5 in this order: the 34th is the first as close as 0.3.
    assert early.controls["control"].nunique() == 34
    assert (found.rank.controls, found.rank.at_least_as_close, found.rank.planned) == (34, 1, 99)
    assert found.rank.p == pytest.approx(1 / 34)
    assert found.rank.is_stopped
    assert found.finding == whole.finding == "not supported"
    assert found.gain is None
    assert found.sensitivity == []
    assert "controls-stopped-early" in [reason.code for reason in found.limits]
    assert found.no_likelihood is not None
    assert found.no_likelihood.code == "likelihood-controls-stopped"


def test_controls_that_were_drawn_for_another_target_change_nothing() -> None:
    far = replace(CASE, scores=FAR, planned_controls=99)
    some = replace(far, controls=controls(BEST[:50]))
    assert judge(keep_drawn_controls(some, SETTINGS)) == judge(keep_drawn_controls(far, SETTINGS))
    cut = cut_to_rank(far.controls, judge(keep_drawn_controls(far, SETTINGS)).rank)
    assert cut["control"].drop_duplicates().tolist() == [f"c{k}" for k in range(34)]


def test_a_close_target_needs_all_controls_and_is_judged_as_ever() -> None:
    early = keep_drawn_controls(replace(CASE, planned_controls=99), SETTINGS)
    assert judge(early) == judge(CASE)
    with pytest.raises(RecordError, match="owl needs more"):
        keep_drawn_controls(
            replace(CASE, controls=controls(BEST[:50]), planned_controls=99), SETTINGS
        )


def test_a_control_that_is_the_target_is_no_part_of_the_sequence() -> None:
    hashes = ["own", *(f"p{k}" for k in range(1, 100))]
    table = controls([0.99, *BEST], hashes)
    far = replace(
        CASE, scores=FAR, controls=table, control_trials=control_trials(table), planned_controls=100
    )
    found = judge(keep_drawn_controls(far, SETTINGS))
    assert (found.rank.controls, found.rank.planned, found.rank.left_out) == (34, 99, ["c0"])
