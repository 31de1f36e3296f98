"""Fiddling with seeds and variations to close the gap, as an algorithm.

Half of the budget goes to a sweep. The rest goes, in rounds, to variations of what came closest:
noise of the best seeds mixed with that of others, less of the others in every round; and of what
came closest among the variations, the same two seeds mixed a little more and a little less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice

from seedwitness.records.recipe import Recipe
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, require_seeds
from seedwitness.search.sweep import sweep

STRENGTHS = (0.64, 0.48, 0.36, 0.27, 0.2, 0.15)
"""Of the variations, a round each."""

AROUND = 4
"""How many of the closest trials a round goes on from."""


def variations(plan: StrategyInput) -> StrategyGenerator:
    """A sweep, then variations (slerp of noise, as AUTOMATIC1111 mixes it) around the best trials.

    What it finds was chosen by closeness, so that rates among its trials are none of the
    checkpoint's. Raises ConfigError where half of the budget gives no prompt a seed.
    """
    cost = plan.recipe(plan.prompts[0], plan.first_seed).nfe
    asked = next(sweep(replace(plan, budget_nfe=plan.budget_nfe // 2)))
    left = plan.budget_nfe // cost - len(asked)
    other = asked[-1].seed + 1  # whose noise is mixed in next
    require_seeds(other, left)
    known = {each.id: each for each in asked}
    distances = dict((yield asked))
    for number, strength in enumerate(STRENGTHS):
        share = left // (len(STRENGTHS) - number)
        closest = sorted(known.values(), key=lambda each: distances[each.id])
        asked = _beside(closest, known)[: share // 2]
        seeds = list(islice(_plain(closest), AROUND))
        for base in islice(cycle(seeds), share - len(asked)):
            asked.append(base.with_variation(other, strength))
            other += 1
        if asked:
            left -= len(asked)
            known |= {each.id: each for each in asked}
            distances |= yield asked
    return (
        f"budget spent: {len(known)} trials, {sum(map(_varied, known.values()))} of them variations"
    )


def _varied(recipe: Recipe) -> bool:
    return bool(recipe.variations)


def _plain(closest: Sequence[Recipe]) -> list[Recipe]:
    """The recipes without their variation, each once, in the order of the closest."""
    return list(dict.fromkeys(replace(each, variations="") for each in closest))


def _beside(closest: Sequence[Recipe], known: Mapping[str, Recipe]) -> list[Recipe]:
    """The closest variations with the strengths next to theirs, as far as not tried yet."""
    found = []
    for each in filter(_varied, closest[: 2 * AROUND]):
        [(other, own)] = each.mixed_seeds
        at = STRENGTHS.index(own)
        for strength in STRENGTHS[max(at - 1, 0) : at + 2]:
            moved = replace(each, variations="").with_variation(other, strength)
            if moved.id not in known:
                found.append(moved)
    return found
