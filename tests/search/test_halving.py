"""Successive halving: it keeps the budget, continues the closest, and reaches more rare pairs."""

from dataclasses import replace
from random import Random

import following
import pytest

from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.search.halving import plan_stages, reduce_steps, successive_halving
from seedwitness.search.strategy import Strategy, StrategyInput
from seedwitness.search.sweep import sweep


def recipe(prompt: str, seed: int) -> Recipe:
    return Recipe(prompt, seed, 64, 64, "ddim", 20, 3.0)


def plan(budget: int, first_seed: int = 0) -> StrategyInput:
    return StrategyInput(("an owl", "a cat"), budget, first_seed, recipe)


def distance(each: Recipe) -> float:
    """One pair in ten comes close; fewer steps add to the distance."""
    rng = Random(f"{each.prompt} {each.seed}")
    close = 0.1 if rng.random() < 0.1 else 0.8
    return close + 0.02 * (20 - each.steps) + 0.05 * rng.random()


def followed(strategy: Strategy, planned: StrategyInput) -> tuple[list[list[Recipe]], Reason]:
    return following.followed(strategy, planned, distance)


@pytest.mark.parametrize(
    ("steps", "stages"),
    [
        (3, [3]),
        (4, [4]),
        (5, [4, 5]),
        (10, [4, 10]),
        (20, [4, 9, 20]),
        (30, [4, 8, 15, 30]),
        (50, [4, 8, 14, 27, 50]),
    ],
)
def test_stages_double_from_four_steps_to_all(steps: int, stages: list[int]) -> None:
    assert plan_stages(steps) == stages


def test_the_budget_is_kept_and_no_trial_is_repeated() -> None:
    for budget in (66, 100, 800, 3200):
        rounds, end_reason = followed(successive_halving, plan(budget))
        recipes = [each for round_ in rounds for each in round_]
        spent = sum(each.nfe for each in recipes)
        assert spent <= budget
        assert end_reason.code == "halving-completed"
        assert end_reason.values["nfe_left"] == budget - spent
        assert end_reason.values["trials"] == [
            sum(each.steps == steps for each in recipes) for steps in plan_stages(20)
        ]
        assert len({each.id for each in recipes}) == len(recipes)
        assert budget - spent < 66, "one more pair could have been carried through"


def test_brackets_hold_prompts_and_seeds_and_continue_the_closest() -> None:
    rounds, _ = followed(successive_halving, plan(800))
    first, second, third = rounds[:3]
    assert [(each.prompt, each.seed) for each in first[:3]] == [
        ("an owl", 0),
        ("a cat", 0),
        ("an owl", 1),
    ]
    assert [len(first), len(second), len(third)] == [8, 3, 1]
    assert [{each.steps for each in round_} for round_ in rounds[:3]] == [{4}, {9}, {20}]
    closest = sorted(first, key=distance)[:3]
    assert second == [replace(each, steps=9) for each in closest]
    best = min(second, key=distance)
    assert third == [recipe(best.prompt, best.seed)]
    assert rounds[3][0].seed == 4
    assert len(rounds[3]) == 16


def test_early_stages_use_the_sampler_for_few_steps() -> None:
    rounds, _ = followed(successive_halving, plan(800))
    assert {(each.steps, each.sampler) for round_ in rounds for each in round_} == {
        (4, "dpmpp-2m"),
        (9, "dpmpp-2m"),
        (20, "ddim"),
    }
    ancestral = replace(recipe("an owl", 0), eta=1.0)
    assert reduce_steps(ancestral, 4).eta == 0
    assert reduce_steps(ancestral, 20) == ancestral


def test_rare_pairs_are_reached_more_often_than_by_a_sweep() -> None:
    def count_successes(strategy: Strategy) -> int:
        successes = 0
        for first_seed in range(0, 4000, 100):
            rounds, _ = followed(strategy, plan(480, first_seed))
            full = [each for round_ in rounds for each in round_ if each.steps == 20]
            successes += min(map(distance, full)) < 0.2
        return successes

    assert count_successes(successive_halving) >= count_successes(sweep) + 8


def test_the_same_distances_give_the_same_recipes() -> None:
    assert followed(successive_halving, plan(2400)) == followed(successive_halving, plan(2400))


@pytest.mark.parametrize(
    ("planned", "message"),
    [(plan(65), "stages of 4, 9, 20 steps takes 66"), (plan(2400, 2**32 - 8), r"pass 2\^32")],
)
def test_impossible_settings_are_refused(planned: StrategyInput, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        followed(successive_halving, planned)
