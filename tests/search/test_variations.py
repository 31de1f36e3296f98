"""Variations around the closest trials: they keep the budget and are deterministic."""

import following
import pytest
import torch

from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.search.strategy import StrategyInput
from seedwitness.search.sweep import sweep
from seedwitness.search.variations import STRENGTHS, variations
from seedwitness.seeds import draw_noise

SHAPE = (4, 8, 8)
TARGET = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1_000_003))


def recipe(prompt: str, seed: int) -> Recipe:
    return Recipe(prompt, seed, 64, 64, "ddim", 10, 3.0)


def plan(budget: int, first_seed: int = 0) -> StrategyInput:
    return StrategyInput(("an owl", "a cat"), budget, first_seed, recipe)


def apart(each: Recipe) -> float:
    """How far a recipe's noise is from the target's: what a checkpoint that keeps all would see."""
    wrong = 0.5 if each.prompt == "a cat" else 0.0
    return float((draw_noise([each], SHAPE)[0] - TARGET).square().mean().sqrt()) + wrong


def followed(planned: StrategyInput) -> tuple[list[list[Recipe]], Reason]:
    return following.followed(variations, planned, apart)


def test_half_of_the_budget_is_swept_and_the_rest_spent_on_variations() -> None:
    rounds, end_reason = followed(plan(2400))
    recipes = [each for round_ in rounds for each in round_]
    assert len(rounds[0]) == 60
    assert not any(each.variations for each in rounds[0])
    assert len({each.id for each in recipes}) == len(recipes) == 120
    assert sum(each.nfe for each in recipes) == 2400
    assert end_reason == Reason(
        code="variations-completed", values={"trials": 120, "variations": 60}
    )
    assert {strength for each in recipes for _, strength in each.mixed_seeds} == set(STRENGTHS)


def test_variations_are_of_the_closest_trials() -> None:
    rounds, _ = followed(plan(2400))
    best = sorted(rounds[0], key=apart)[:4]
    assert {(each.prompt, each.seed) for each in rounds[1]} == {(b.prompt, b.seed) for b in best}
    swept = {each.id for each in rounds[0]}
    assert {each.parent for round_ in rounds[1:] for each in round_} <= swept
    assert {each.parent for each in rounds[0]} == {""}
    mixed = [seed for round_ in rounds[1:] for each in round_ for seed, _ in each.mixed_seeds]
    assert min(mixed) > max(each.seed for each in rounds[0])


def test_variations_come_closer_than_as_many_further_seeds() -> None:
    rounds, _ = followed(plan(4800))
    swept = next(sweep(plan(4800)))
    assert min(apart(each) for round_ in rounds for each in round_) < min(map(apart, swept))


def test_the_same_distances_give_the_same_recipes() -> None:
    assert followed(plan(2400)) == followed(plan(2400))


@pytest.mark.parametrize(
    ("planned", "message"),
    [(plan(60), "too small"), (plan(2400, 2**32 - 80), r"Seeds from .* pass 2\^32")],
)
def test_impossible_settings_are_refused(planned: StrategyInput, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        next(variations(planned))
