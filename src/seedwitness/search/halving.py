"""Many seeds for few steps, the best of them carried on: successive halving (Jamieson & Talwalkar,
AISTATS 2016), in brackets of growing size over prompts and seeds at once.

A rung is a recipe of fewer steps and no long one interrupted, so that every trial is an image of
its own that anybody can make again, and may be the regeneration looked for. The lower rungs solve
the same equation by DPM-Solver++ (Lu et al., 2022), which comes nearer its end in few steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import log2

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, seed_numbers

LEAST_STEPS = 4
"""Of the lowest rung. With fewer, how close a trial comes says little of what it would become."""

FAST = "dpmpp-2m"
"""The sampler of the lower rungs."""

FIRST_BRACKET = 8
"""Pairs of prompt and seed in the first bracket; each later one has twice as many."""


def rungs(steps: int) -> list[int]:
    """Steps of each rung, from the least to ``steps``, each about twice the one before."""
    if steps <= LEAST_STEPS:
        return [steps]
    times = max(1, round(log2(steps / LEAST_STEPS)))
    return [round(LEAST_STEPS * (steps / LEAST_STEPS) ** (n / times)) for n in range(times + 1)]


def lowered(whole: Recipe, steps: int) -> Recipe:
    """A recipe with so many steps; with fewer than its own, by the sampler of the lower rungs."""
    if steps == whole.steps:
        return whole
    return replace(whole, steps=steps, sampler=FAST, eta=0.0)


def successive_halving(plan: StrategyInput) -> StrategyGenerator:
    """Brackets until the budget is spent; what each rung costs is about the same within one.

    A bracket takes the next pairs, seeds in order and each with every prompt, and makes them with
    the fewest steps; in each further rung the closest of them, as many as cost the same again, and
    at least one. Raises ConfigError where the budget gives no bracket of one pair, or the seeds
    pass 2^32.
    """
    first = plan.recipe(plan.prompts[0], plan.first_seed)
    ladder = rungs(first.steps)
    costs = [lowered(first, steps).nfe for steps in ladder]
    if plan.budget_nfe < sum(costs):
        raise ConfigError(
            f"A budget of {plan.budget_nfe} NFE is too small: one seed carried through rungs of "
            f"{_listed(ladder)} steps takes {sum(costs)}. Raise `search.budget_nfe`, or lower "
            "`search.steps`."
        )
    pairs = _pairs(plan)
    distances: Mapping[str, float] = {}
    left, size, counts = plan.budget_nfe, FIRST_BRACKET, [0] * len(ladder)
    while field := _field(left, size, costs):
        going_on = [next(pairs) for _ in range(field[0])]
        for number, steps in enumerate(ladder):
            asked = {lowered(each, steps): each for each in going_on[: field[number]]}
            distances = yield list(asked)
            ranked = sorted(asked, key=lambda each: distances[each.id])
            going_on = [asked[each] for each in ranked]
            left -= len(asked) * costs[number]
            counts[number] += len(asked)
        size *= 2
    carried = ", ".join(f"{n} with {steps}" for n, steps in zip(counts, ladder, strict=True))
    return (
        f"budget spent: pairs of prompt and seed by steps: {carried}; after each rung the closest "
        f"were carried on; {left} of {plan.budget_nfe} NFE left over"
    )


def _field(budget: int, most: int, costs: Sequence[int]) -> list[int]:
    """How many pairs each rung of the next bracket holds: at most ``most``, within ``budget``."""
    for size in range(most, 0, -1):
        counts = [max(1, size * costs[0] // cost) for cost in costs]
        if sum(count * cost for count, cost in zip(counts, costs, strict=True)) <= budget:
            return counts
    return []


def _pairs(plan: StrategyInput) -> Iterator[Recipe]:
    """Every prompt with ``first_seed``, every prompt with the next seed, and so on."""
    for seed in seed_numbers(plan.first_seed):
        for prompt in plan.prompts:
            yield plan.recipe(prompt, seed)


def _listed(ladder: Sequence[int]) -> str:
    return ", ".join(map(str, ladder))
