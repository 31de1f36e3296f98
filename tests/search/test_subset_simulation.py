"""Subset simulation: it estimates known probabilities that n blind seeds cannot see."""

import math
from dataclasses import replace
from functools import cache

import following
import numpy as np
import pytest

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import RarityEstimate
from seedwitness.search.strategy import StrategyInput
from seedwitness.search.subset_simulation import subset_simulation

SIZE = 24


def recipe(prompt: str, seed: int) -> Recipe:
    return Recipe(prompt, seed, 64, 64, "ddim", 10, 1.0)


def plan(trials: int, near: float | None, first_seed: int = 0, prompts: int = 1) -> StrategyInput:
    texts = ("an owl", "a cat")[:prompts]
    return StrategyInput(texts, trials * 10, first_seed, recipe, near)


@cache
def drawn(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(SIZE)


def noise(each: Recipe) -> np.ndarray:
    """As ``seedwitness.seeds.noise`` makes it, of fewer elements."""
    found = drawn(each.seed)
    for seed, strength in each.mixed_seeds:
        angle = strength * math.pi / 2
        found = math.cos(angle) * found + math.sin(angle) * drawn(seed)
    return found


def linear(each: Recipe) -> float:
    """Within -z with the probability of a normal tail beyond z."""
    return -float(noise(each)[0])


def followed(planned: StrategyInput) -> tuple[list[list[Recipe]], RarityEstimate]:
    rounds, (why, found) = following.followed(subset_simulation, planned, linear)
    assert why.code == "rarity-estimated"
    assert (why.values["low"], why.values["high"]) == (found.low, found.high)
    return rounds, found


def tail(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


@pytest.mark.parametrize("z", [1.0, 3.0, 4.0])
def test_a_known_probability_is_within_the_interval(z: float) -> None:
    found = [followed(plan(600, -z, 10_000 * n))[1] for n in range(12)]
    inside = sum(each.low <= tail(z) <= each.high for each in found)
    assert inside >= 11
    middle = math.exp(np.mean([math.log(each.probability) for each in found]))
    assert tail(z) / 2 < middle < tail(z) * 2


def test_it_reaches_what_as_many_blind_seeds_do_not() -> None:
    rounds, found = followed(plan(600, -4.0))
    blind = [recipe("an owl", seed) for seed in range(600)]
    assert min(map(linear, blind)) > -4.0
    assert min(linear(each) for round_ in rounds for each in round_) < -4.0
    assert 0 < found.low < found.probability < found.high < 0.01


def test_an_event_without_a_hit_has_a_positive_upper_bound() -> None:
    _, found = followed(plan(300, -30.0))
    assert (found.probability, found.low) == (0.0, 0.0)
    assert 0 < found.high < (1 - 0.025 ** (1 / 300)) / 2, "half of what a sweep's bound would be"
    assert found.levels[-1].share == 0


def test_a_common_event_gives_a_plain_rate() -> None:
    rounds, found = followed(plan(600, 0.0))
    assert len(rounds) == 1
    hits = sum(linear(each) <= 0 for each in rounds[0])
    assert found.probability == hits / len(rounds[0])
    assert found.levels[0].worth == found.levels[0].trials == len(rounds[0])


def test_the_budget_is_kept_every_seed_is_fresh_and_a_move_names_its_parent() -> None:
    rounds, _ = followed(plan(400, -9.0, prompts=2))
    recipes = [each for round_ in rounds for each in round_]
    assert len(recipes) <= 400
    assert len({each.id for each in recipes}) == len(recipes)
    own = [each.seed for each in rounds[0]]
    assert len(set(own)) == len(own)  # every prompt has its own seeds
    prompts = [each.prompt for each in rounds[0]]
    assert prompts.count("an owl") == prompts.count("a cat")
    mixed = {seed for each in recipes for seed, _ in each.mixed_seeds}
    assert not mixed & set(own)
    known = {each.id for each in recipes}
    assert all(each.parent in known for round_ in rounds[1:] for each in round_)
    assert {each.variation_rule for each in recipes} == {"rotation"}
    assert replace(rounds[0][0], variation_rule="automatic1111") == recipe("an owl", 0)


def test_the_same_distances_give_the_same_recipes() -> None:
    assert followed(plan(300, -3.0)) == followed(plan(300, -3.0))


@pytest.mark.parametrize(
    ("planned", "message"),
    [
        (plan(600, None), "set `search.strategy.near`"),
        (plan(20, -3.0), "too small for the strategy subset-simulation"),
        (plan(600, -3.0, 2**32 - 40), r"pass 2\^32"),
    ],
)
def test_impossible_settings_are_refused(planned: StrategyInput, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        followed(planned)
