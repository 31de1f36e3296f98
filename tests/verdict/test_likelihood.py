"""The likelihood ratio of a case: from its statistic, what is known to be learned, and controls."""

from dataclasses import replace

import numpy as np
import pytest
from cases import BEST, CASE, FAR, MADE, SETTINGS, TARGET, controls

from seedwitness.errors import RecordError
from seedwitness.records.findings import LikelihoodRatio
from seedwitness.records.reasons import Reason
from seedwitness.verdict.case_data import CaseData
from seedwitness.verdict.judgement import judge_cases

OTHERS = [f"k{k}" for k in range(20)]
LEARNED = np.linspace(0.55, 0.95, 20).tolist()


def compute_ratio(case: CaseData) -> LikelihoodRatio | None:
    [judged] = judge_cases([case], SETTINGS)
    assert (judged.memorised.likelihood is None) == (judged.memorised.no_likelihood is not None)
    return judged.memorised.likelihood


def reason(case: CaseData) -> Reason | None:
    [judged] = judge_cases([case], SETTINGS)
    return judged.memorised.no_likelihood


def test_without_known_pictures_there_is_no_ratio() -> None:
    assert compute_ratio(CASE) is None
    values = {"learned": 0, "controls": 99, "needed": 10}
    assert reason(CASE) == Reason(code="likelihood-too-few-images", values={**values})


def test_a_target_as_close_as_what_was_learned_speaks_for_that() -> None:
    ratio = compute_ratio(replace(CASE, learned=controls(LEARNED, OTHERS)))
    assert ratio is not None
    assert ratio.ratio > 10
    assert (ratio.support.code, ratio.support.values["favours"]) == ("support", "H1")
    assert (ratio.learned, ratio.controls) == (20, 99)
    assert (ratio.lowest, ratio.highest) == (1 / 21, 100)
    assert ratio.lowest <= ratio.low <= ratio.ratio <= ratio.high <= ratio.highest
    assert ratio.h1 == Reason(code="comes-back-as-learned", values={"checkpoint": "memorised"})
    assert ratio.h2 == Reason(code="comes-back-as-unseen", values={"checkpoint": "memorised"})
    assert 0 < ratio.cllr < 0.5


def test_where_learned_pictures_are_no_closer_than_controls_there_is_no_ratio() -> None:
    far = replace(CASE, learned=controls(np.linspace(0, 0.1, 20).tolist(), OTHERS))
    assert compute_ratio(far) is None
    assert reason(far) == Reason(code="likelihood-no-separation")


def test_a_target_as_far_as_the_controls_speaks_against_it() -> None:
    ratio = compute_ratio(replace(CASE, scores=FAR, learned=controls(LEARNED, OTHERS)))
    assert ratio is not None
    assert ratio.ratio < 0.5
    assert ratio.support.values["favours"] == "H2"


def test_the_target_itself_is_no_known_picture() -> None:
    hashes = [TARGET.pixels_sha256, *(f"k{k}" for k in range(19))]
    ratio = compute_ratio(replace(CASE, learned=controls(LEARNED, hashes)))
    assert ratio is not None
    assert ratio.learned == 19


def test_few_known_pictures_are_too_few() -> None:
    assert compute_ratio(replace(CASE, learned=controls(LEARNED[:9], OTHERS))) is None
    assert compute_ratio(replace(CASE, learned=controls(LEARNED[:10], OTHERS))) is not None


def test_few_controls_are_too_few() -> None:
    few = replace(CASE, learned=controls(LEARNED, OTHERS), controls=controls(BEST[:2]))
    assert compute_ratio(few) is None


def test_known_scores_that_are_no_scores_are_told() -> None:
    table = controls(LEARNED, OTHERS)
    table.loc[0, "score"] = float("nan")
    with pytest.raises(RecordError, match="learned-trials"):
        compute_ratio(replace(CASE, learned=table))
    far_off = controls(LEARNED, OTHERS)
    far_off["score"] *= 50
    [judged] = judge_cases([replace(CASE, learned=far_off)], SETTINGS)
    assert judged.memorised.finding == "inconclusive"
    reason = judged.memorised.reasons[0]
    assert (reason.code, reason.values["table"]) == ("score-out-of-range", "learned-trials")
    assert reason.values["metric"] == "descriptor"
    assert judged.memorised.likelihood is None


def test_what_the_checkpoint_made_itself_has_no_ratio() -> None:
    """It comes near again without having been learned."""
    known = replace(CASE, learned=controls(LEARNED, OTHERS))
    assert compute_ratio(known) is not None
    assert compute_ratio(replace(known, scan=MADE)) is None
    assert reason(replace(known, scan=MADE)) == Reason(code="likelihood-target-generated")
    [seed] = MADE.seeds
    chance = {"seeds": [seed.model_copy(update={"recovered": False})], "regenerated": None}
    assert compute_ratio(replace(known, scan=MADE.model_copy(update=chance))) is not None


def test_recovered_prompts_alone_give_no_ratio() -> None:
    known = replace(CASE, learned=controls(LEARNED, OTHERS))
    recovered = replace(known, trials=CASE.trials.assign(prompt_source="recovered"))
    assert reason(recovered) == Reason(code="likelihood-no-stated-prompt")


def test_ratios_that_mislead_on_average_are_withheld() -> None:
    """Learned images that are mostly as far as the controls, and a few that are very close."""
    values = [0.21, 0.22, 0.2, 0.23, 0.21, 0.98, 0.2, 0.22, 0.97, 0.99]
    found = reason(replace(CASE, learned=controls(values, OTHERS[:10])))
    assert found is not None
    assert found.code == "likelihood-misleads"
    assert float(str(found.values["cllr"])) >= 1


def test_a_capped_ratio_has_the_word_of_the_class_below() -> None:
    """By its bound of 100 it would be "moderately strong"."""
    far_apart = replace(CASE, learned=controls(np.linspace(0.85, 0.99, 20).tolist(), OTHERS))
    ratio = compute_ratio(far_apart)
    assert ratio is not None
    assert (ratio.ratio, ratio.is_capped) == (100, True)
    assert ratio.support.values["strength"] == "moderate"
