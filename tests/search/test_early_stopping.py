"""Early stopping: where and why a search ends; the shards make no difference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from searching import search
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import EarlyStopSettings, SearchSettings, StrategySettings
from seedwitness.config.verdicts import CopyCriterionSettings
from seedwitness.engine.sampling import decode_latents
from seedwitness.errors import ConfigError
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.records.reasons import Reason
from seedwitness.search import case_search
from seedwitness.search.case_search import SearchCase
from seedwitness.search.early_stopping import count_trials_to_exclude_rate, make_copy_test

PROMPTS = ("a red fish", "a blue lighthouse")
UNSHIFTED = AlignmentSpec("stretch")
BATCH = 4


def settings(**stop: float) -> SearchSettings:
    return search(budget_nfe=96, prompts=2, steps=2, batch=4, shard=4, stop=stop)


def picture() -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))


def mark_copies(numbers: Sequence[int], latents: list[Tensor]) -> case_search.CopyTest:
    """A copy test that says yes to the trials of these numbers."""

    def is_marked(rows: Tensor, _: Image.Image) -> list[bool]:
        return [any(torch.equal(row, latents[n]) for n in numbers) for row in rows]

    return is_marked


@pytest.fixture(scope="module")
def swept(
    tiny: LoadedCheckpoint, tmp_path_factory: pytest.TempPathFactory
) -> tuple[case_search.SearchOutcome, Path]:
    ledger = tmp_path_factory.mktemp("ledger")
    case = SearchCase(picture(), PROMPTS)
    return case_search.search_cases(tiny, {"it": case}, settings(), ledger).outcomes["it"], ledger


@pytest.mark.parametrize(("wanted", "last"), [(1, 6), (2, 9), (3, 9 + 1)])
def test_a_search_ends_with_the_last_copy_it_needs(
    tiny: LoadedCheckpoint, swept: tuple[case_search.SearchOutcome, Path], wanted: int, last: int
) -> None:
    whole, ledger = swept
    latents = [whole.samples[each.id].latent for each in whole.recipes]
    found = case_search.search_cases(
        tiny,
        {"it": SearchCase(picture(), PROMPTS)},
        settings(copies=wanted),
        ledger,
        copy_test=mark_copies((6, 9, 10), latents),
    ).outcomes["it"]
    assert found.recipes == whole.recipes[: last + 1]
    assert found.ended == "copies"
    assert found.end_reason == Reason(
        code="copies-reached",
        values={"copies": wanted, "trials": last + 1, "last_trial": found.recipes[-1].id},
    )
    assert set(found.distances) == set(found.samples) == {each.id for each in found.recipes}


def test_a_search_ends_when_the_copy_rate_is_bounded(
    tiny: LoadedCheckpoint, swept: tuple[case_search.SearchOutcome, Path]
) -> None:
    whole, ledger = swept
    latents = [whole.samples[each.id].latent for each in whole.recipes]
    case = {"it": SearchCase(picture(), PROMPTS)}
    assert count_trials_to_exclude_rate(0.4) == 6
    found = case_search.search_cases(
        tiny, case, settings(rate=0.4), ledger, mark_copies((), latents)
    ).outcomes["it"]
    assert (found.recipes, found.ended) == (whole.recipes[:6], "futile")
    assert found.end_reason == Reason(
        code="no-copy-in-trials",
        values={
            "trials": 6,
            "prompts_tried": 2,
            "prompts": 2,
            "copy_rate": 0.4,
            "probability": 0.95,
        },
    )
    found = case_search.search_cases(
        tiny, case, settings(rate=0.4), ledger, mark_copies((3,), latents)
    ).outcomes["it"]
    assert (found.recipes, found.ended) == (whole.recipes, "budget")
    assert found.end_reason == whole.end_reason


@pytest.mark.parametrize("name", ["halving", "variations", "subset-simulation"])
def test_a_copy_rate_needs_blind_seeds(name: str) -> None:
    chosen = settings(rate=0.4).model_copy(update={"strategy": StrategySettings(name=name)})
    with pytest.raises(ConfigError, match=f"valid for blind seeds only.* with `{name}`"):
        case_search.check_search_settings(chosen)
    case_search.check_search_settings(
        chosen.model_copy(update={"stop": EarlyStopSettings(copies=1)})
    )


def test_cases_end_independently(
    tiny: LoadedCheckpoint, swept: tuple[case_search.SearchOutcome, Path]
) -> None:
    whole, ledger = swept
    latents = [whole.samples[each.id].latent for each in whole.recipes]
    both = {"one": SearchCase(picture(), PROMPTS), "other": SearchCase(picture(), PROMPTS[::-1])}
    found = case_search.search_cases(
        tiny, both, settings(copies=1), ledger, mark_copies((2,), latents)
    ).outcomes
    assert (len(found["one"].recipes), found["one"].ended) == (3, "copies")
    assert (len(found["other"].recipes), found["other"].ended) == (24, "budget")


def test_copies_meet_every_criterion(
    tiny: LoadedCheckpoint, swept: tuple[case_search.SearchOutcome, Path]
) -> None:
    whole, _ = swept
    latents = torch.stack([whole.samples[each.id].latent for each in whole.recipes])
    pixels = decode_latents(tiny.pipeline, latents[3:4])[0]
    target = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    near = CopyCriterionSettings(metric="ssim", threshold=0.999, source="here")
    never = CopyCriterionSettings(metric="psnr", threshold=1000, source="here")
    assert make_copy_test(tiny, [near], {}, BATCH, UNSHIFTED)(latents, target) == [
        n == 3 for n in range(len(latents))
    ]
    mirrored = Image.fromarray(np.asarray(target)[:, ::-1].copy())
    assert not any(make_copy_test(tiny, [near], {}, BATCH, UNSHIFTED)(latents, mirrored))
    also = AlignmentSpec("stretch", mirrored=True)
    assert make_copy_test(tiny, [near], {}, BATCH, also)(latents, mirrored)[3]
    assert not any(make_copy_test(tiny, [near, never], {}, BATCH, UNSHIFTED)(latents, target))
    with pytest.raises(ConfigError, match="names no file for `lpips`"):
        make_copy_test(
            tiny,
            [CopyCriterionSettings(metric="lpips", threshold=1, source="")],
            {},
            BATCH,
            UNSHIFTED,
        )


@pytest.mark.parametrize(("rate", "trials"), [(0.5, 5), (0.1, 29), (0.01, 299), (0.006, 498)])
def test_trials_needed_to_exclude_a_rate(rate: float, trials: int) -> None:
    assert count_trials_to_exclude_rate(rate) == trials
    assert (1 - rate) ** trials <= 0.05 < (1 - rate) ** (trials - 1)
