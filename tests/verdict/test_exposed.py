"""The finding for *exposed*: exact under the null, and inconclusive where something is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from invented import SETTINGS, identity
from invented_cases import scan
from whole_scans import make_scan

from seedwitness.config.exposure import ExposeSettings
from seedwitness.config.reading import validate
from seedwitness.config.stage_settings import ExposeStage
from seedwitness.config.steps import PrepareSettings
from seedwitness.config.verdicts import ControlSettings, JudgeSettings
from seedwitness.records.checkpoint import CheckpointComponent
from seedwitness.records.exposure import (
    CONTROL_LOSSES,
    FEATURES,
    TARGET_LOSSES,
    ExposedFinding,
    Overlap,
)
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.tables import make_typed_frame
from seedwitness.records.target import InformationContent, Provenance, TargetRecord
from seedwitness.verdict.exposed import judge_exposed
from seedwitness.verdict.exposure_data import ExposureCase

CONTROLS = 120
JUDGE = {**SETTINGS["judge"], "reference": "clean"}
STAGE = ExposeStage.model_construct(
    expose=ExposeSettings(enabled=True, noises=2, levels=[0.3, 0.6]),
    controls=validate(ControlSettings, SETTINGS["controls"], "controls"),
    judge=validate(JudgeSettings, JUDGE, "judge"),
    prepare=validate(PrepareSettings, SETTINGS["prepare"], "prepare"),
    checkpoints=["memorised", "clean"],
)
RECIPE = Recipe("a heron", 0, 128, 128, "ddim", 12, 3.0)
WHOLE = make_scan()
TARGET = TargetRecord.model_construct(
    name="owl", information=InformationContent.model_construct(bits_per_pixel=3.0), provenance=None
)


def spread(loss: float) -> list[dict[str, Any]]:
    """Losses at two timesteps of two noises each, whose mean is ``loss``."""
    return [
        {"timestep": t, "noise_seed": seed, "loss": loss + shift}
        for t, shift in ((300, 0.01), (600, -0.01))
        for seed in range(2)
    ]


def own_losses(name: str, loss: float, objective: str = "epsilon") -> pd.DataFrame:
    about = {"checkpoint": name, "checkpoint_sha256": "0" * 64, "objective": objective}
    return make_typed_frame(
        [{**about, "prompt": "a heron", **row} for row in spread(loss)], TARGET_LOSSES
    )


def control_losses(losses: np.ndarray[Any, Any]) -> pd.DataFrame:
    rows = [
        {"control": f"c{k:03}", "pixels_sha256": f"{k:064x}", "prompt": prompt, **row}
        for k, loss in enumerate(losses)
        for prompt, more in ((f"caption {k}", 0.0), ("", 0.5))
        for row in spread(float(loss) + more)
    ]
    return make_typed_frame(rows, CONTROL_LOSSES)


def features(rng: np.random.Generator, count: int) -> pd.DataFrame:
    rows = [
        {"image": name, "group": group, "feature": feature, "value": float(rng.normal())}
        for name in ("", *(f"c{k:03}" for k in range(count)))
        for group in ("colour", "caption")
        for feature in ("one", "two", "three")
    ]
    usual = make_typed_frame(rows, FEATURES)
    usual.loc[usual["image"] == "", "value"] = 0.0
    return usual


def make_case(seed: int = 1, gain: float = 0.0, count: int = CONTROLS) -> ExposureCase:
    """Losses on both checkpoints that go along; the target's is lower by ``gain``."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(1.0, 0.2, count + 1)
    here, there = (ease + rng.normal(0, 0.02, count + 1) for _ in range(2))
    return ExposureCase(
        target=TARGET,
        prompt="a heron",
        checkpoint=identity("memorised"),
        reference=identity("clean"),
        losses=own_losses("memorised", here[0] - gain),
        reference_losses=own_losses("clean", there[0]),
        control_losses=control_losses(here[1:]),
        reference_control_losses=control_losses(there[1:]),
        features=features(rng, count),
        overlaps=[],
        low_information=[],
        scan=WHOLE,
    )


def judge(case: ExposureCase) -> ExposedFinding:
    (found,) = judge_exposed([case], STAGE)
    return found


EXPOSED = make_case(gain=0.5)


def test_a_gain_beyond_all_controls_is_supported() -> None:
    found = judge(EXPOSED)
    assert (found.finding, found.reasons[0].code) == ("supported", "exposed-gain-at-most-alpha")
    assert found.losses.rank is not None
    assert found.losses.rank.p == 1 / (CONTROLS + 1)
    assert found.losses.gain == pytest.approx(0.5, abs=0.15)
    assert [limit.code for limit in found.limits][:2] == ["exposed-no-copy", "exposed-validation"]
    assert found.limits[-1].code == "exposed-shift"


def test_an_easy_image_is_no_finding() -> None:
    """A loss below all controls' on both checkpoints gains nothing."""
    easy = replace(
        make_case(),
        losses=own_losses("memorised", 0.2),
        reference_losses=own_losses("clean", 0.21),
    )
    found = judge(easy)
    assert found.finding == "inconclusive"
    assert [reason.code for reason in found.reasons] == [
        "exposed-reference-low",
        "exposed-gain-above-alpha",
    ]


def test_p_is_exact_for_images_that_were_never_seen() -> None:
    p = []
    for seed in range(300):
        rank = judge(make_case(seed, count=19)).losses.rank
        assert rank is not None
        p.append(rank.p)
    for level in (0.05, 0.2, 0.5):
        hits = int((np.array(p) <= level).sum())
        assert abs(hits - 300 * level) <= 3.3 * (300 * level * (1 - level)) ** 0.5


@pytest.mark.parametrize(
    "part",
    [
        scan("owl", "memorised", RECIPE, recovered=False),
        make_scan(step=4096),  # an output of an ancestral sampler is not excluded
        make_scan(rng_algorithms=["torch-cpu"]),
    ],
)
def test_an_output_cannot_be_excluded_by_a_scan_in_part(part: SeedScan) -> None:
    found = judge(replace(EXPOSED, scan=part))
    assert found.finding == "inconclusive"
    assert found.reasons[0].code == "own-output-not-excluded"
    assert "provenance-stated" not in [limit.code for limit in found.limits]
    dated = TARGET.model_copy(update={"provenance": Provenance(date="2019-05-01", source="a book")})
    found = judge(replace(EXPOSED, scan=part, target=dated))
    assert found.finding == "supported"
    assert found.limits[-1].code == "provenance-stated"  # and a claim that was not checked


def test_a_recovered_seed_excludes_the_case() -> None:
    generated = replace(EXPOSED, scan=scan("owl", "memorised", RECIPE, recovered=True))
    assert judge(generated).reasons[0].code == "target-generated"


def test_without_a_reference_nothing_is_concluded() -> None:
    found = judge(replace(EXPOSED, reference=None))
    assert (found.finding, found.reasons[-1].code) == ("inconclusive", "exposed-without-reference")
    assert found.losses.reference_loss is None
    assert found.losses.nfe == 4
    assert found.losses.rank is not None  # it is shown


def test_a_reference_of_the_same_weights_is_none() -> None:
    found = judge(replace(EXPOSED, reference=identity("memorised")))
    assert found.reasons[0].code == "reference-same-weights"


def test_other_parts_and_objectives_of_the_reference_are_said() -> None:
    clean = identity("clean")
    other = clean.model_copy(
        update={
            "components": [
                *(part for part in clean.components if part.name != "vae"),
                CheckpointComponent(name="vae", parameters=1, files={"vae.safetensors": "9" * 64}),
            ]
        }
    )
    found = judge(
        replace(
            EXPOSED,
            reference=other,
            reference_losses=own_losses(
                "clean", float(EXPOSED.reference_losses["loss"].mean()), "flow_prediction"
            ),
        )
    )
    limits = {limit.code: limit.values for limit in found.limits}
    assert "vae" in limits["reference-other-parts"]["parts"]  # type: ignore[operator]
    assert limits["reference-other-objective"]["reference_prediction"] == "flow_prediction"
    assert found.finding == "supported"


@pytest.mark.parametrize("name", ["memorised", "clean"])
def test_a_loss_that_is_no_number_is_no_rank(name: str) -> None:
    broken = own_losses(name, 1.0)
    broken.loc[2, "loss"] = float("nan")
    field = "losses" if name == "memorised" else "reference_losses"
    found = judge(replace(EXPOSED, **{field: broken}))
    assert found.losses.rank is None
    assert found.reasons[0] == Reason(code="loss-not-finite", values={"checkpoint": name})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_control_without_a_loss_counts_against_the_target(value: float) -> None:
    table = EXPOSED.control_losses.copy()
    place = table.index[(table["control"] == "c007") & (table["prompt"] != "")][0]
    table.loc[place, "loss"] = value
    found = judge(replace(EXPOSED, control_losses=table))
    assert found.losses.rank is not None
    assert found.losses.rank.at_least_as_close == 1
    assert found.losses.rank.controls == CONTROLS
    assert (
        Reason(code="controls-without-loss", values={"controls": 1, "control": "c007"})
        in found.limits
    )
    assert found.finding == "not supported"  # 2 / 121 is above α


def test_features_that_tell_the_target_apart_exclude_it_and_are_named() -> None:
    table = EXPOSED.features.copy()
    odd = (table["image"] == "") & (table["group"] == "colour") & (table["feature"] == "two")
    table.loc[odd, "value"] = 40.0
    found = judge(replace(EXPOSED, features=table))
    assert found.finding == "inconclusive"
    assert found.reasons[0].code == "blind-tells-apart"
    assert found.reasons[0].values["group"] == "colour"
    assert found.blind.features[0] == "two"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("same", "target-among-controls"),
        ("mirrored", "target-overlaps-control"),
        ("crop", "target-overlaps-control"),
    ],
)
def test_a_control_that_shows_the_target_excludes_the_case(kind: str, code: str) -> None:
    overlap = Overlap.model_validate({"control": "c003", "kind": kind, "correlation": 0.99})
    found = judge(replace(EXPOSED, overlaps=[overlap]))
    assert (found.finding, found.reasons[0].code) == ("inconclusive", code)
    assert found.reasons[0].values["control"] == "c003"


def test_too_few_controls_say_nothing() -> None:
    found = judge(make_case(gain=0.5, count=50))
    assert found.reasons[0].code == "too-few-controls"


def test_p_is_adjusted_for_the_examined_checkpoints_and_not_for_the_reference() -> None:
    other = replace(make_case(2), checkpoint=identity("other"))
    itself = replace(EXPOSED, checkpoint=identity("clean"), reference=None)
    first, second, reference = judge_exposed([EXPOSED, other, itself], STAGE)
    for found, family in ((first, 2), (second, 2), (reference, 1)):
        assert found.losses.rank is not None
        assert found.losses.rank.family == family
    assert first.losses.rank is not None
    assert first.losses.rank.p_family == 2 / (CONTROLS + 1)
    assert first.finding == "inconclusive"  # 120 controls are too few for two checkpoints


def test_controls_are_taken_under_the_kind_of_prompt_that_the_target_has() -> None:
    stated = judge(EXPOSED).losses
    empty = judge(replace(EXPOSED, prompt="")).losses
    assert stated.gain is not None
    assert empty.gain is not None
    assert empty.gain - stated.gain == pytest.approx(0.5 - 0.5 * (empty.slope or 0), abs=0.2)
    assert "exposed-without-caption" in [
        limit.code for limit in judge(replace(EXPOSED, prompt="")).limits
    ]
