"""Controls and scores that are few, alike or no numbers: no p of 0, nothing divided by 0."""

from dataclasses import replace

import numpy as np
import pytest
from cases import CASE, SETTINGS, controls, scores

from seedwitness import records
from seedwitness.errors import RecordError
from seedwitness.evidence.examined import Examined
from seedwitness.evidence.judging import judge


def found(case: Examined) -> records.Memorised:
    (judged,) = judge([case], SETTINGS)
    ranks = [judged.memorised.rank, *(each.rank for each in judged.memorised.robustness)]
    for rank in ranks:
        assert rank is not None
        assert 0 < rank.p <= rank.p_family <= 1
        assert rank.controls >= 0
    return judged.memorised


@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_few_controls_say_nothing(count: int) -> None:
    judged = found(replace(CASE, controls=controls([0.3] * count)))
    assert judged.finding == "inconclusive"
    assert judged.reasons[0].startswith(f"{count} controls are too few")
    fewer = [each for each in judged.robustness if each.what.startswith("one control fewer")]
    assert len(fewer) == min(count, 1)


def test_controls_that_are_all_alike_are_ties() -> None:
    judged = found(replace(CASE, controls=controls([0.9] * 99)))
    assert judged.rank is not None
    assert (judged.rank.at_least_as_close, judged.rank.p) == (99, 1)
    assert judged.finding == "inconclusive"  # copies, but the controls come as close


def test_scores_that_are_all_alike_differ_by_nothing() -> None:
    same = scores([0.5] * 16, [0.5] * 16)
    judged = found(replace(CASE, scores=same, reference_scores=same, controls=controls([0.5] * 99)))
    assert judged.finding == "not supported"
    assert judged.reference is not None
    assert (judged.reference.difference, judged.reference.p) == (0, 1)


@pytest.mark.parametrize("which", ["scores", "controls", "reference_scores"])
def test_a_score_that_is_no_number_is_named(which: str) -> None:
    table = getattr(CASE, which).copy()
    table.loc[0, "score"] = np.nan
    with pytest.raises(RecordError, match="no score by descriptor: it gave no number"):
        judge([replace(CASE, **{which: table})], SETTINGS)


def test_a_replay_that_lacks_a_score_is_no_replay() -> None:
    lacking = CASE.reference_scores.drop(index=0)  # one trial, by one metric
    with pytest.raises(RecordError, match="other trials than the search"):
        judge([replace(CASE, reference_scores=lacking)], SETTINGS)
