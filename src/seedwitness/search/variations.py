"""Local search by seed variations around the closest trials, in place of tuning seeds by hand.

Half of the budget goes to a sweep. The rest goes, in rounds, to variations of the closest trials:
the noise of the best seeds mixed with that of other seeds, less of the others in every round. The
closest variations are also tried with the same two seeds mixed a little more and a little less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice

from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, require_seeds
from seedwitness.search.sweep import sweep

STRENGTHS = (0.64, 0.48, 0.36, 0.27, 0.2, 0.15)
"""The strength of new variations in each round."""

NUM_BASES = 4
"""How many of the closest trials a round varies."""


def variations(plan: StrategyInput) -> StrategyGenerator:
    """Sweep, then vary the best trials (slerp of noise, as AUTOMATIC1111 mixes it).

    The trials are selected by closeness, so copy rates among them are not rates of the checkpoint.
    Raises ConfigError if half of the budget is less than one seed for each prompt.
    """
    cost = plan.make_recipe(plan.prompts[0], plan.first_seed).nfe
    recipes = next(sweep(replace(plan, budget_nfe=plan.budget_nfe // 2)))
    left = plan.budget_nfe // cost - len(recipes)
    mixed_seed = recipes[-1].seed + 1  # whose noise is mixed in next
    require_seeds(mixed_seed, left)
    trials = {recipe.id: recipe for recipe in recipes}
    distances = dict((yield recipes))
    for number, strength in enumerate(STRENGTHS):
        share = left // (len(STRENGTHS) - number)
        ranking = sorted(trials.values(), key=lambda recipe: distances[recipe.id])
        recipes = _adjust_strengths(ranking, trials)[: share // 2]
        bases = list(islice(_without_variations(ranking), NUM_BASES))
        for base in islice(cycle(bases), share - len(recipes)):
            recipes.append(base.with_variation(mixed_seed, strength))
            mixed_seed += 1
        if recipes:
            left -= len(recipes)
            trials |= {recipe.id: recipe for recipe in recipes}
            distances |= yield recipes
    return Reason(
        code="variations-completed",
        values={
            "trials": len(trials),
            "variations": sum(map(_is_variation, trials.values())),
        },
    )


def _is_variation(recipe: Recipe) -> bool:
    return bool(recipe.variations)


def _without_variations(ranking: Sequence[Recipe]) -> list[Recipe]:
    """The recipes without their variation, each once, in the order of ``ranking``."""
    return list(dict.fromkeys(replace(recipe, variations="") for recipe in ranking))


def _adjust_strengths(ranking: Sequence[Recipe], trials: Mapping[str, Recipe]) -> list[Recipe]:
    """The closest variations with the next higher and lower strength, unless already tried."""
    recipes = []
    for recipe in filter(_is_variation, ranking[: 2 * NUM_BASES]):
        [(mixed_seed, current)] = recipe.mixed_seeds
        index = STRENGTHS.index(current)
        for strength in STRENGTHS[max(index - 1, 0) : index + 2]:
            candidate = replace(recipe, variations="").with_variation(mixed_seed, strength)
            if candidate.id not in trials:
                recipes.append(candidate)
    return recipes
