"""A detector selects the candidates that share the budget."""

import pytest
from searching import search

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.detectors import DETECTORS, Detector
from seedwitness.detectors.preselection import check_preselection, preselect_prompts
from seedwitness.detectors.probe import Probe
from seedwitness.engine.sampling import draw_torch_noise
from seedwitness.errors import ConfigError
from seedwitness.records.tables import PROMPTS, make_typed_frame

TEXTS = ["a red fish", "a blue lighthouse", "a fish", "lighthouse, blue"]
TABLE = make_typed_frame(
    [
        {
            "rank": rank,
            "text": text,
            "source": "user",
            "method": "user",
            "score": 0.1,
            "tokens": 4,
            "bits": 20.0,
        }
        for rank, text in enumerate(TEXTS, start=1)
    ],
    PROMPTS,
)


def preselecting(**changes: object) -> SearchSettings:
    preselection = {"detector": "one-step", "candidates": 4, **changes}
    return search(budget_nfe=80, prompts=2, preselection=preselection)


def test_the_candidates_with_the_highest_values_are_selected(tiny: LoadedCheckpoint) -> None:
    selected, scored, remaining = preselect_prompts(tiny, TABLE, preselecting())
    noises = draw_torch_noise(range(2), tiny.latent_shape(32, 32))
    values = {
        text: DETECTORS["one-step"](Probe(tiny.pipeline, text, steps=4, guidance=3.0), noises)
        for text in TEXTS
    }
    best = sorted(TEXTS, key=lambda text: -values[text])[:2]
    assert selected["text"].tolist() == best
    assert selected["rank"].tolist() == [1, 2]
    assert [row.prompt for row in scored] == TEXTS
    assert [row.value for row in scored] == pytest.approx([values[text] for text in TEXTS])
    assert {row.prompt for row in scored if row.selected} == set(best)
    assert remaining.budget_nfe == 80 - 4 * 2 * 2  # a step costs two evaluations a seed


def test_values_that_are_not_numbers_come_last(
    tiny: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def value(self: Detector, probe: Probe, noise: object) -> float:
        return float("nan") if "red" in probe.prompt else float(len(probe.prompt))

    monkeypatch.setattr(Detector, "__call__", value)
    selected, _, _ = preselect_prompts(tiny, TABLE, preselecting())
    assert selected["text"].tolist() == ["a blue lighthouse", "lighthouse, blue"]


def test_fewer_candidates_leave_the_same_budget(tiny: LoadedCheckpoint) -> None:
    selected, scored, remaining = preselect_prompts(tiny, TABLE[:1], preselecting())
    assert selected["text"].tolist() == TEXTS[:1]
    assert len(scored) == 1
    assert remaining.budget_nfe == 80 - 4 * 2 * 2


def test_without_a_detector_nothing_is_computed(tiny: LoadedCheckpoint) -> None:
    unchanged = preselecting().model_copy(update={"preselection": None})
    selected, scored, remaining = preselect_prompts(tiny, TABLE, unchanged)
    assert selected is TABLE
    assert (scored, remaining) == ([], unchanged)
    assert unchanged.num_candidates == 2
    assert preselecting().num_candidates == 4


def test_without_candidates_nothing_is_computed(tiny: LoadedCheckpoint) -> None:
    selected, scored, remaining = preselect_prompts(tiny, TABLE[:0], preselecting())
    assert selected.empty
    assert (scored, remaining) == ([], preselecting())


def test_fewer_candidates_than_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="it must be at least `prompts`"):
        SearchSettings.model_validate(preselecting(candidates=2).model_dump() | {"prompts": 3})


def test_a_detector_that_leaves_no_budget_is_refused(tiny: LoadedCheckpoint) -> None:
    expensive = preselecting(seeds=5, detector="magnitude")
    with pytest.raises(ConfigError, match=r"spends 160 NFE on 4 candidates"):
        preselect_prompts(tiny, TABLE, expensive)


@pytest.mark.parametrize("name", ["most-alike", "invmm"])
def test_only_detectors_that_need_only_a_prompt_preselect(name: str) -> None:
    with pytest.raises(ConfigError, match=r"needs only a prompt.*one-step"):
        check_preselection(preselecting(detector=name))
