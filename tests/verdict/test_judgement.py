"""Findings: every word is reached for its own reason, and for no other."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cases import BEST, CASE, FAR, MADE, SEARCH, SETTINGS, controls, on_reference, scores
from invented import identity

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import RecordError
from seedwitness.records.findings import CaseFindings
from seedwitness.records.reasons import Reason
from seedwitness.records.tables import SCORES, make_typed_frame
from seedwitness.verdict.case_data import CaseData
from seedwitness.verdict.judgement import judge_cases

FLAT = Reason(code="target-flat", values={"measure": "deviation", "value": 0.001, "minimum": 0.03})


def codes(reasons: Sequence[Reason]) -> list[str]:
    return [reason.code for reason in reasons]


def alone(case: CaseData, settings: JudgeSettings = SETTINGS) -> CaseFindings:
    (found,) = judge_cases([case], settings)
    return found


def test_closer_than_all_controls_and_copies_is_supported() -> None:
    found = alone(CASE).memorised
    assert found.finding == "supported"
    assert found.rank is not None
    assert (found.rank.p, found.rank.controls) == (0.01, 99)
    assert found.statistic is not None
    assert found.statistic.value == 0.9
    assert found.copies is not None
    assert (found.copies.rate.hits, found.copies.rate.n) == (16, 16)
    assert found.copies.reference_rate is not None
    assert found.copies.reference_rate.hits == 0
    assert found.copies.best_trial == "t0"
    assert found.reference is not None
    assert found.reference.p < 0.01
    assert Reason(code="lab-weights", values={"metrics": ["descriptor"]}) in found.limits
    assert found.reasons == [
        Reason(
            code="rank-at-most-alpha",
            values={
                "at_least_as_close": 0,
                "controls": 99,
                "p": 0.01,
                "family": 1,
                "p_family": 0.01,
                "alpha": 0.01,
            },
        ),
        Reason(code="copies-counted", values={"copies": 16, "trials": 16}),
    ]
    assert found.error_rate == Reason(
        code="error-rate", values={"p": 0.01, "family": 1, "p_family": 0.01, "alpha": 0.01}
    )


@pytest.mark.parametrize(
    ("change", "finding", "why"),
    [
        ({"low_information": (FLAT,)}, "inconclusive", "target-flat"),
        ({"controls": controls(BEST[:98])}, "inconclusive", "too-few-controls"),
        ({"controls": controls([*BEST, 0.95])}, "inconclusive", "copies-but-controls-close"),
        ({"scores": scores([0.9] * 16, [0.2] * 16)}, "inconclusive", "close-but-no-copy"),
        ({"scores": FAR}, "not supported", "rank-above-alpha"),
        (
            {"reference_scores": scores([0.9, 0.8] * 8, [0.1] * 16)},
            "inconclusive",
            "reference-gain-above-alpha",
        ),
        (
            {"reference_scores": scores([0.95, 0.85, 0.7, 0.9] * 4, [0.4] * 16)},
            "inconclusive",
            "reference-gain-above-alpha",
        ),
    ],
)
def test_every_word_has_its_reason(change: dict[str, object], finding: str, why: str) -> None:
    found = alone(replace(CASE, **change)).memorised  # type: ignore[arg-type]
    assert (found.finding, found.reasons[0].code) == (finding, why)


def test_a_score_outside_its_metrics_range_is_refused() -> None:
    table = scores([0.9, 1.2] + [0.8] * 14, [0.1] * 16)
    found = alone(replace(CASE, scores=table)).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(
        code="score-out-of-range",
        values={
            "table": "trials",
            "scores": 1,
            "metric": "descriptor",
            "score": 1.2,
            "lowest": -1.0,
            "highest": 1.0,
        },
    )
    assert found.error_rate == Reason(code="error-rate-not-given")
    beside = alone(replace(CASE, controls=controls([*BEST[:-1], -1.5]))).memorised
    assert beside.reasons[0].code == "score-out-of-range"
    assert beside.reasons[0].values["table"] == "control-trials"
    # What rounding does is no fault.
    table = scores([1.0004] + [0.8] * 15, [0.1] * 16)
    assert alone(replace(CASE, scores=table)).memorised.finding == "supported"


def test_a_reference_of_the_same_weights_compares_nothing() -> None:
    itself = CASE.checkpoint.model_copy(update={"name": "another-name"})
    found = alone(replace(CASE, reference=itself)).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(
        code="reference-same-weights",
        values={"reference": "another-name", "checkpoint": "memorised"},
    )


def test_a_reference_of_another_family_is_allowed_and_said() -> None:
    assert CASE.reference is not None
    same = CASE.reference.model_copy(update={"family": "single-file"})  # how the file is written
    assert "reference-kind" not in codes(alone(CASE).memorised.limits)
    assert alone(replace(CASE, reference=same)).memorised == alone(CASE).memorised
    other = CASE.reference.model_copy(update={"prediction_type": "epsilon", "prompt_limit": 99})
    found = alone(replace(CASE, reference=other)).memorised
    assert found.finding == "supported"
    (kind,) = [limit for limit in found.limits if limit.code == "reference-kind"]
    assert (kind.values["reference"], kind.values["checkpoint"]) == ("clean", "memorised")
    assert (kind.values["reference_tokens"], kind.values["tokens"]) == (99, 77)
    wider = CASE.reference.model_copy(update={"latent_channels": 4})
    found = alone(replace(CASE, reference=wider)).memorised
    assert "reference-latent-shape" in codes(found.limits)


def test_a_target_of_which_a_blank_sheet_is_a_copy_is_refused() -> None:
    pale = CASE.target.information.model_copy(update={"patch_contrast": 0.15})
    case = replace(CASE, target=CASE.target.model_copy(update={"information": pale}))
    found = alone(case).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(
        code="blank-sheet-is-copy", values={"contrast": 0.15, "threshold": 0.15}
    )
    flat = alone(replace(case, low_information=(FLAT,))).memorised
    assert flat.reasons == [FLAT]


def test_a_target_that_is_its_own_control_is_refused() -> None:
    hashes = [f"p{k}" for k in range(100)]
    hashes[99] = "own"
    found = alone(replace(CASE, controls=controls([*BEST, 0.99], hashes))).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(code="target-among-controls", values={"control": "c99"})
    assert Reason(code="control-left-out", values={"control": "c99"}) in found.limits
    assert found.rank is not None
    assert (found.rank.controls, found.rank.left_out) == (99, ["c99"])
    assert found.sensitivity == []  # nothing could change it


def test_a_control_that_is_the_target_saved_otherwise_is_refused() -> None:
    near = f"{int(CASE.target.pdq, 16) ^ (2**31 - 1):064x}"  # 31 bits differ
    case = replace(CASE, controls=saved_otherwise(CASE.controls, "c7", near))
    found = alone(case).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(code="target-among-controls", values={"control": "c7"})
    further = f"{int(CASE.target.pdq, 16) ^ (2**32 - 1):064x}"
    for changed in (
        saved_otherwise(CASE.controls, "c7", further),
        saved_otherwise(CASE.controls, "c7", near, quality=49),
    ):
        assert alone(replace(CASE, controls=changed)).memorised.finding == "supported"
    recoloured = saved_otherwise(CASE.controls, "c7", near)
    recoloured.loc[recoloured["control"] == "c7", "thumbnail"] = "8080a0" * 64
    assert alone(replace(CASE, controls=recoloured)).memorised.finding == "supported"


def saved_otherwise(
    table: pd.DataFrame, control: str, pdq: str, quality: int = 100
) -> pd.DataFrame:
    """Controls one of which has another PDQ hash."""
    changed = table.copy()
    changed.loc[changed["control"] == control, ["pdq", "pdq_quality"]] = [pdq, quality]
    return changed


def test_controls_that_the_corpus_holds_are_refused() -> None:
    seen = CASE.controls.copy()
    seen.loc[seen["control"] == "c7", "corpus_match"] = "seen/3.png"
    found = alone(replace(CASE, controls=seen)).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(
        code="controls-in-corpus",
        values={"controls": 1, "control": "c7", "match": "seen/3.png"},
    )


def test_the_reference_has_no_other_to_be_compared_with() -> None:
    empty = make_typed_frame([], SCORES)
    found = alone(replace(CASE, reference=None, reference_scores=empty)).memorised
    assert found.reference is None
    assert "reference-not-compared" in codes(found.limits)
    assert found.rank is not None
    assert found.copies is not None
    assert (found.rank.p, found.copies.rate.hits) == (0.01, 16)
    assert found.finding == "inconclusive"  # it lacks the comparison that *supported* asks for
    assert found.reasons[0] == Reason(code="case-is-reference")


@pytest.mark.parametrize(
    ("copied", "finding"), [(0, "supported"), (1, "supported"), (12, "inconclusive")]
)
def test_a_reference_that_copies_nearly_as_often_withholds_the_word(
    copied: int, finding: str
) -> None:
    near = scores([0.3, 0.3, 0.31, 0.31] * 4, [0.1] * copied + [0.4] * (16 - copied))
    found = alone(replace(CASE, reference_scores=near)).memorised
    assert found.finding == finding
    assert (found.reasons[0].code == "reference-copies-too") == (copied == 12)


@pytest.mark.parametrize(
    ("closest", "why"),
    [
        (0.45, "rank-at-most-alpha"),
        (0.6, "reference-ranks-close"),
        (1.0, "reference-gain-above-alpha"),
    ],
)
def test_a_target_that_is_easy_for_the_reference_too_is_not_called_supported(
    closest: float, why: str
) -> None:
    """Also without a copy there: it is closer than all controls of the reference."""
    theirs = scores([0.3] * 15 + [closest], [0.4] * 16)
    found = alone(replace(CASE, reference_scores=theirs)).memorised
    assert found.gain is not None
    assert found.gain.reference_score == closest
    assert (found.gain.reference_p <= 0.01) == (closest > 0.5)
    assert found.reasons[0].code == why
    assert (found.finding == "supported") == (closest == 0.45)


def test_what_a_checkpoint_made_is_not_called_learned() -> None:
    found = alone(replace(CASE, scan=MADE)).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(
        code="target-generated", values={"seed": 7, "rng": "torch-cpu"}
    )


def test_only_blind_trials_are_compared_with_the_reference() -> None:
    """What was chosen by its closeness here leans to this checkpoint."""
    varied = CASE.trials.copy()
    varied.loc[varied["trial"].isin([f"t{k}" for k in range(8, 16)]), "parent"] = "t0"
    theirs = scores([0.3] * 8 + [0.9, 0.8] * 4, [0.4] * 16)
    chosen = alone(replace(CASE, trials=varied, reference_scores=theirs)).memorised
    assert chosen.reference is not None
    assert chosen.reference.n == 8
    assert chosen.reference.blind_only
    assert chosen.gain is not None
    assert (chosen.gain.reference_score, chosen.gain.blind_only) == (0.3, True)
    assert chosen.finding == "supported"
    whole = alone(replace(CASE, reference_scores=theirs)).memorised
    assert whole.gain is not None
    assert (whole.gain.reference_score, whole.gain.blind_only) == (0.9, False)
    assert whole.finding == "inconclusive"


def test_only_blind_trials_are_counted_against_the_reference() -> None:
    """Variations of one lucky seed copy here and not there, blind seeds as often there."""
    varied = CASE.trials.copy()
    varied.loc[varied["trial"].isin([f"t{k}" for k in range(4, 16)]), "parent"] = "t0"
    theirs = scores([0.3, 0.31] * 8, [0.1] * 4 + [0.4] * 12)
    found = alone(replace(CASE, trials=varied, reference_scores=theirs)).memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(
        code="reference-copies-too",
        values={
            "checkpoint": "clean",
            "copies": 4,
            "trials": 4,
            "reference_copies": 4,
            "reference_trials": 4,
        },
    )
    assert alone(replace(CASE, reference_scores=theirs)).memorised.finding == "supported"


def test_a_prompt_that_tells_more_than_those_of_controls_is_said_to() -> None:
    told = CASE.prompts.assign(bits=90.0)
    brief, long = (
        CASE.controls.assign(caption=text) for text in ("a cat", "a cat that sleeps on a wall " * 9)
    )
    said = [
        Reason(code="prompt-more-specific", values={"bits": 90, "shorter": 99, "controls": 99})
        in found.limits
        for prompts, table in (
            (told, brief),
            (told, long),
            (told.assign(source="recovered"), brief),
        )
        for found in [alone(replace(CASE, prompts=prompts, controls=table)).memorised]
    ]
    assert said == [True, False, False]


def test_generated_is_concluded_from_the_scan() -> None:
    found = alone(CASE).generated
    assert (found.finding, found.reasons) == ("inconclusive", [CASE.scan.obstacle])
    assert alone(replace(CASE, low_information=[FLAT])).generated.reasons == [FLAT]


def test_the_order_of_the_rows_changes_nothing() -> None:
    mixed = replace(
        CASE,
        scores=CASE.scores.sample(frac=1, random_state=1),
        controls=CASE.controls.sample(frac=1, random_state=2),
        reference_scores=CASE.reference_scores.sample(frac=1, random_state=3),
    )
    assert alone(mixed) == alone(CASE)


def test_another_set_of_recipes_is_no_replay() -> None:
    with pytest.raises(RecordError, match="other trials"):
        alone(replace(CASE, reference_scores=scores([0.3] * 15, [0.4] * 15)))
    with pytest.raises(RecordError, match="budget"):
        alone(replace(CASE, scores=make_typed_frame([], SCORES)))


def test_trials_that_were_chosen_are_said_to_be() -> None:
    varied = SEARCH.model_copy(update={"strategy": "variations"})
    limits = alone(replace(CASE, search=varied)).memorised.limits
    assert Reason(code="trials-chosen-by-results", values={"strategy": "variations"}) in limits
    assert "trials-chosen-by-results" not in codes(alone(CASE).memorised.limits)


def test_a_search_that_ended_early_is_reckoned_with() -> None:
    last = scores([0.3] * 15 + [0.9], [0.4] * 15 + [0.1])
    whole = alone(replace(CASE, scores=last)).memorised
    ended = SEARCH.model_copy(update={"ended": "copies"})
    early = alone(replace(CASE, scores=last, search=ended)).memorised
    assert whole.copies is not None
    assert early.copies is not None
    assert (early.copies.rate.low, early.finding) == (whole.copies.rate.low, whole.finding)
    assert early.copies.rate.high < whole.copies.rate.high
    assert "search-ended-at-copies" in codes(early.limits)
    values = {"trials": 59, "prompts_tried": 1, "prompts": 1, "copy_rate": 0.05}
    no_copy = Reason(code="no-copy-in-trials", values=values | {"probability": 0.95})
    futile = SEARCH.model_copy(update={"ended": "futile", "end_reason": no_copy})
    given_up = alone(replace(CASE, scores=FAR, search=futile)).memorised.limits
    reason = Reason(code="search-ended-early", values=no_copy.values)
    assert reason in given_up


def test_several_checkpoints_share_the_error_rate() -> None:
    """By Holm, over those that are examined; the reference is what they are compared with."""
    plenty = controls(np.linspace(0.2, 0.5, 199).tolist())
    empty = make_typed_frame([], SCORES)
    theirs = on_reference(np.linspace(0.2, 0.5, 199).tolist())
    near = replace(CASE, controls=plenty, reference_controls=theirs)
    other = replace(near, checkpoint=identity("other"), scores=FAR)
    clean = replace(
        near, checkpoint=identity("clean"), reference=None, reference_scores=empty, scores=FAR
    )
    cases = {
        each.checkpoint: each.memorised for each in judge_cases([other, near, clean], SETTINGS)
    }
    assert list(cases) == ["other", "memorised", "clean"]
    ranks = {name: each.rank for name, each in cases.items() if each.rank}
    assert {name: each.family for name, each in ranks.items()} == {
        "other": 2,
        "memorised": 2,
        "clean": 1,
    }
    assert (ranks["memorised"].p, ranks["memorised"].p_family) == (1 / 200, 2 / 200)
    assert ranks["other"].p_family == ranks["other"].p
    assert cases["memorised"].finding == "supported"
    values = cases["memorised"].reasons[0].values
    assert (values["family"], values["p"], values["p_family"]) == (2, 1 / 200, 0.01)

    # By itself this case passes, and among the changes none fails for its company.
    assert {each.rank.family for each in cases["memorised"].sensitivity} == {2}
    assert "one-control-fewer" not in codes(
        [each.change for each in cases["memorised"].sensitivity]
    )
    halves = cases["memorised"].sensitivity[-2:]
    assert {each.finding for each in halves} == {"supported"}

    third = replace(other, checkpoint=identity("third"))
    found = judge_cases([other, near, third, clean], SETTINGS)[1].memorised
    assert found.finding == "inconclusive"
    assert found.reasons[0] == Reason(
        code="too-few-controls",
        values={"controls": 199, "family": 3, "p_min": 3 / 200, "needed": 299},
    )
