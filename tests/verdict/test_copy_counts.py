"""What counts as a copy: by the stated line, by that of the controls, and beyond the controls."""

from dataclasses import replace

import pytest
from cases import BEST, CASE, SETTINGS, controls, scores

from seedwitness.verdict.case_data import CaseData, distances_by_trial
from seedwitness.verdict.copy_counts import count_copies, make_copy_test


def count(case: CaseData) -> tuple[int, int]:
    """Copies, and trials that meet the stated criteria."""
    copies = count_copies(case, SETTINGS, distances_by_trial(case.scores))
    return copies.rate.hits, copies.meeting


def test_a_trial_that_controls_come_as_close_as_is_no_copy() -> None:
    """The closest control has 0.5: only the first trial is closer by the descriptor."""
    case = replace(CASE, scores=scores([0.9, 0.5, 0.4, 0.3], [0.4, 0.1, 0.1, 0.1]))
    assert count(case) == (0, 3)
    assert count(replace(case, scores=scores([0.9, 0.51, 0.5, 0.3], [0.1] * 4))) == (2, 4)


def test_copy_and_closest_trial_have_to_be_the_same() -> None:
    """A small p from one trial and a copy from another are two different things."""
    case = replace(CASE, scores=scores([0.9, 0.3], [0.4, 0.1]))
    found = count_copies(case, SETTINGS, distances_by_trial(case.scores))
    assert (found.rate.hits, found.best_trial, found.meeting) == (0, None, 1)


def test_the_line_is_that_of_the_controls_where_it_is_stricter() -> None:
    near = replace(CASE, controls=controls(BEST, patch=0.14))  # their closest trials: 0.09 to 0.12
    [criterion] = make_copy_test(near, SETTINGS).criteria
    assert criterion.stated == 0.15
    assert criterion.threshold == pytest.approx(0.09, abs=1e-12)
    assert count(near) == (0, 16)
    tie = 0.14 - 0.5 / 10  # as close as the closest control
    assert count(replace(near, scores=scores([0.9] * 16, [tie] * 16))) == (0, 16)
    assert count(replace(near, scores=scores([0.9] * 16, [0.08] * 16))) == (16, 16)
    [criterion] = make_copy_test(CASE, SETTINGS).criteria
    assert criterion.threshold == criterion.stated == 0.15


def test_with_too_few_controls_for_any_p_the_stated_line_stays() -> None:
    few = replace(CASE, controls=controls(BEST[:98], patch=0.14))
    test = make_copy_test(few, SETTINGS)
    assert test.rank_distance is None
    assert test.criteria[0].threshold == 0.15
    assert count(few) == (16, 16)


def test_copies_on_the_reference_are_counted_whether_they_beat_the_controls_or_not() -> None:
    theirs = scores([0.3] * 16, [0.1] * 4 + [0.4] * 12)
    found = count_copies(
        replace(CASE, reference_scores=theirs), SETTINGS, distances_by_trial(CASE.scores)
    )
    assert found.reference_rate is not None
    assert (found.reference_rate.hits, found.reference_rate.n) == (4, 16)
