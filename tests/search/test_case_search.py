from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seedwitness import search
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason
from seedwitness.search import case_search
from seedwitness.search.case_search import SearchCase
from seedwitness.search.latent_distance import make_latent_rms_distance
from seedwitness.search.strategy import StrategyGenerator, StrategyInput

SEARCH = {
    "strategy": {"name": "sweep"},
    "budget_nfe": 24,
    "prompts": 2,
    "sampler": "ddim",
    "steps": 2,
    "guidance": 3.0,
    "batch": 4,
    "shard": 4,
}


def settings(**changes: object) -> SearchSettings:
    return SearchSettings.model_validate({**SEARCH, **changes})


def picture(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))


def test_a_case_gets_the_latent_distance_of_each_trial(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    case = SearchCase(picture(1), ("a red fish", "a blue lighthouse"))
    searched = case_search.search_cases(tiny, {"it": case}, settings(), tmp_path)
    outcome = searched.outcomes["it"]
    assert [(each.prompt, each.seed) for each in outcome.recipes] == [
        (case.prompts[seed % 2], seed) for seed in range(6)
    ]
    assert outcome.nfe == 24
    distances = make_latent_rms_distance(tiny.pipeline, case.picture, 32, 32, "stretch")
    for recipe in outcome.recipes:
        expected = distances(outcome.samples[recipe.id].latent[None])
        assert outcome.distances[recipe.id] == float(expected[0])
    ranked = [outcome.distances[recipe.id] for recipe in outcome.ranked]
    assert ranked == sorted(outcome.distances.values())


def test_many_cases_share_batches_and_have_their_own_distances(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    both = {
        "first": SearchCase(picture(1), ("a red fish",)),
        "second": SearchCase(picture(2), ("a red fish", "a blue lighthouse")),
    }
    searched = case_search.search_cases(tiny, both, settings(), tmp_path)
    # 6 and 3 seeds of one prompt, 3 of another: the 3 that both cases try are computed once.
    assert searched.computed == -(-9 // 4)
    for name, case in both.items():
        alone = case_search.search_cases(tiny, {name: case}, settings(), tmp_path).outcomes[name]
        together = searched.outcomes[name]
        assert together.recipes == alone.recipes
        for recipe in together.recipes:
            assert together.distances[recipe.id] == pytest.approx(
                alone.distances[recipe.id], abs=1e-4
            )


def test_a_replay_on_the_same_checkpoint_computes_nothing(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    case = SearchCase(picture(1), ("a red fish",))
    outcome = case_search.search_cases(tiny, {"it": case}, settings(), tmp_path).outcomes["it"]
    again = case_search.replay_recipes(
        tiny, outcome.recipes[::-1], case.picture, settings(), tmp_path
    )
    assert (again.cached, again.computed) == (2, 0)
    assert again.outcomes[""].distances == outcome.distances


def narrowing(plan: StrategyInput) -> StrategyGenerator:
    """A strategy in two rounds: a seed of each prompt, then more of the better one."""
    distances = yield [plan.make_recipe(prompt, 0) for prompt in plan.prompts]
    best = min(plan.prompts, key=lambda prompt: distances[plan.make_recipe(prompt, 0).id])
    yield [plan.make_recipe(best, seed) for seed in (1, 2)]
    return Reason(code="recipes-completed", values={"trials": 4})


def test_a_strategy_may_continue_with_the_closest_trials(
    tiny: LoadedCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(search.STRATEGIES, "halving", narrowing)
    both = {
        "first": SearchCase(picture(1), ("a red fish", "a blue lighthouse")),
        "second": SearchCase(picture(2), ("a blue lighthouse", "a red fish")),
    }
    changed = settings(strategy={"name": "halving"})
    for outcome in case_search.search_cases(tiny, both, changed, tmp_path).outcomes.values():
        first, second, *more = outcome.recipes
        better = min(first, second, key=lambda each: outcome.distances[each.id])
        assert more == [replace(better, seed=1), replace(better, seed=2)]
        assert outcome.end_reason == Reason(code="recipes-completed", values={"trials": 4})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"eta": 0.5, "strategy": {"name": "variations"}},
            "ddim with eta 0.5 .*`variations` mixes",
        ),
        (
            {"sampler": "euler-a", "strategy": {"name": "variations"}},
            "euler-a with eta 0 .*`variations`",
        ),
    ],
)
def test_noise_within_steps_is_for_single_seeds(
    changes: Mapping[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        case_search.check_search_settings(settings(**changes))


def test_a_case_without_a_prompt_says_what_to_do(tiny: LoadedCheckpoint, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no prompt to search it with"):
        case_search.search_cases(tiny, {"it": SearchCase(picture(1), ())}, settings(), tmp_path)


def test_a_seed_has_the_same_noise_under_every_prompt(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    case = SearchCase(picture(1), ("a red fish", "a blue lighthouse"))
    outcome = case_search.search_cases(tiny, {"it": case}, settings(), tmp_path).outcomes["it"]
    noises = {recipe.seed: set[str]() for recipe in outcome.recipes}
    for recipe in outcome.recipes:
        noises[recipe.seed].add(outcome.samples[recipe.id].noise_sha256)
    assert all(len(each) == 1 for each in noises.values())
    assert not torch.equal(*[outcome.samples[each.id].latent for each in outcome.recipes[:2]])
