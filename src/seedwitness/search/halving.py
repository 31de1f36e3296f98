"""Successive halving (Jamieson & Talwalkar, AISTATS 2016) over pairs of prompt and seed.

Many pairs are sampled with few steps, and the closest go on to more steps, in brackets of growing
size. Each stage is a complete recipe with fewer steps, not an interrupted long one, so every trial
is an image that can be made again and may itself be the regeneration. The early stages solve the
same equation by DPM-Solver++ (Lu et al., 2022), which comes nearer to the solution in few steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import log2

from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, iter_seeds

MIN_STEPS = 4
"""Steps of the first stage. With fewer, the distance of a trial says little of its final one."""

FAST_SAMPLER = "dpmpp-2m"
"""The sampler of all stages but the last."""

FIRST_BRACKET = 8
"""Pairs of prompt and seed in the first bracket; each later bracket has twice as many."""


def plan_stages(steps: int) -> list[int]:
    """Sampling steps of each stage, from ``MIN_STEPS`` to ``steps``, each about twice the last."""
    if steps <= MIN_STEPS:
        return [steps]
    doublings = max(1, round(log2(steps / MIN_STEPS)))
    return [round(MIN_STEPS * (steps / MIN_STEPS) ** (n / doublings)) for n in range(doublings + 1)]


def reduce_steps(recipe: Recipe, steps: int) -> Recipe:
    """``recipe`` with ``steps`` steps; if these are fewer than its own, by ``FAST_SAMPLER``."""
    if steps == recipe.steps:
        return recipe
    return replace(recipe, steps=steps, sampler=FAST_SAMPLER, eta=0.0)


def successive_halving(plan: StrategyInput) -> StrategyGenerator:
    """Run brackets until the budget is spent; the stages of a bracket cost about the same.

    A bracket takes the next pairs, seeds in order and each seed with every prompt, and samples them
    with the fewest steps. Each further stage takes the closest of them, as many as cost the same
    again, and at least one. Raises ConfigError if the budget is too small for a bracket of one
    pair, or if the seeds pass 2^32.
    """
    first = plan.make_recipe(plan.prompts[0], plan.first_seed)
    stages = plan_stages(first.steps)
    costs = [reduce_steps(first, steps).nfe for steps in stages]
    if plan.budget_nfe < sum(costs):
        raise ConfigError(
            f"A budget of {plan.budget_nfe} NFE is too small: one seed through stages of "
            f"{', '.join(map(str, stages))} steps takes {sum(costs)}. Raise `search.budget_nfe`, "
            "or lower `search.steps`."
        )
    pairs = _iter_pairs(plan)
    distances: Mapping[str, float] = {}
    left, size, counts = plan.budget_nfe, FIRST_BRACKET, [0] * len(stages)
    while stage_sizes := _size_stages(left, size, costs):
        ranking = [next(pairs) for _ in range(stage_sizes[0])]
        for number, steps in enumerate(stages):
            full_recipes = {
                reduce_steps(recipe, steps): recipe for recipe in ranking[: stage_sizes[number]]
            }
            distances = yield list(full_recipes)
            ranking = [
                full_recipes[trial]
                for trial in sorted(full_recipes, key=lambda trial: distances[trial.id])
            ]
            left -= len(full_recipes) * costs[number]
            counts[number] += len(full_recipes)
        size *= 2
    return Reason(
        code="halving-completed",
        values={
            "steps": stages,
            "trials": counts,
            "nfe_left": left,
            "budget_nfe": plan.budget_nfe,
        },
    )


def _size_stages(budget: int, max_pairs: int, costs: Sequence[int]) -> list[int]:
    """The number of pairs in each stage of the next bracket; empty if ``budget`` gives none.

    The first stage holds at most ``max_pairs``.
    """
    for size in range(max_pairs, 0, -1):
        counts = [max(1, size * costs[0] // cost) for cost in costs]
        if sum(count * cost for count, cost in zip(counts, costs, strict=True)) <= budget:
            return counts
    return []


def _iter_pairs(plan: StrategyInput) -> Iterator[Recipe]:
    """Every prompt with ``first_seed``, then every prompt with the next seed, and so on."""
    for seed in iter_seeds(plan.first_seed):
        for prompt in plan.prompts:
            yield plan.make_recipe(prompt, seed)
