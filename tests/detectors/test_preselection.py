"""A detector decides which candidates share the budget."""

import pytest
from searching import search

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.detectors import DETECTORS, Detector
from seedwitness.detectors.probe import Probe
from seedwitness.detectors.preselection import check_preselection, preselect_prompts
from seedwitness.engine.sampling import torch_noise
from seedwitness.errors import ConfigError
from seedwitness.records.tables import PROMPTS, typed_frame

TEXTS = ["a red fish", "a blue lighthouse", "a fish", "lighthouse, blue"]
TABLE = typed_frame(
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


def steering(**steer: object) -> SearchSettings:
    asked = {"detector": "one-step", "candidates": 4, **steer}
    return search(budget_nfe=80, prompts=2, steer=asked)


def test_the_candidates_of_the_highest_values_are_kept(tiny: LoadedCheckpoint) -> None:
    kept, said, rest = preselect_prompts(tiny, TABLE, steering())
    drawn = torch_noise(range(2), tiny.latent_shape(32, 32))
    values = {
        text: DETECTORS["one-step"](Probe(tiny.pipeline, text, steps=4, guidance=3.0), drawn)
        for text in TEXTS
    }
    best = sorted(TEXTS, key=lambda text: -values[text])[:2]
    assert kept["text"].tolist() == best
    assert kept["rank"].tolist() == [1, 2]
    assert [each.prompt for each in said] == TEXTS
    assert [each.value for each in said] == pytest.approx([values[text] for text in TEXTS])
    assert {each.prompt for each in said if each.kept} == set(best)
    assert rest.budget_nfe == 80 - 4 * 2 * 2  # a step costs two evaluations a seed


def test_what_gives_no_number_comes_last(
    tiny: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def value(self: Detector, probe: Probe, noise: object) -> float:
        return float("nan") if "red" in probe.prompt else float(len(probe.prompt))

    monkeypatch.setattr(Detector, "__call__", value)
    kept, _, _ = preselect_prompts(tiny, TABLE, steering())
    assert kept["text"].tolist() == ["a blue lighthouse", "lighthouse, blue"]


def test_fewer_candidates_leave_the_same_rest(tiny: LoadedCheckpoint) -> None:
    kept, said, rest = preselect_prompts(tiny, TABLE[:1], steering())
    assert kept["text"].tolist() == TEXTS[:1]
    assert len(said) == 1
    assert rest.budget_nfe == 80 - 4 * 2 * 2


def test_without_a_detector_nothing_is_asked(tiny: LoadedCheckpoint) -> None:
    plain = steering().model_copy(update={"steer": None})
    kept, said, rest = preselect_prompts(tiny, TABLE, plain)
    assert kept is TABLE
    assert (said, rest) == ([], plain)
    assert plain.num_candidates == 2
    assert steering().num_candidates == 4


def test_where_there_is_no_candidate_nothing_is_asked(tiny: LoadedCheckpoint) -> None:
    kept, said, rest = preselect_prompts(tiny, TABLE[:0], steering())
    assert kept.empty
    assert (said, rest) == ([], steering())


def test_fewer_candidates_than_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="as many as `prompts`, or more"):
        SearchSettings.model_validate(steering(candidates=2).model_dump() | {"prompts": 3})


def test_a_detector_that_leaves_nothing_is_refused(tiny: LoadedCheckpoint) -> None:
    dear = steering(seeds=5, detector="magnitude")
    with pytest.raises(ConfigError, match=r"spends 160 NFE on 4 candidates"):
        preselect_prompts(tiny, TABLE, dear)


@pytest.mark.parametrize("name", ["one-stepp", "invmm"])
def test_only_detectors_that_ask_for_the_prompt_alone_steer(name: str) -> None:
    with pytest.raises(ConfigError, match=r"asks for the prompt alone.*one-step"):
        check_preselection(steering(detector=name))
