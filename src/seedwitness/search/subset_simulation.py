"""How rare is it that a blind seed comes as near as this? Subset simulation (Au & Beck, 2001).

A sweep of n seeds sees nothing that is rarer than one in n. Here the nearest quarter of the trials
goes on: their noise is turned a little, by the preconditioned Crank–Nicolson walk, and what is no
longer as near as that quarter was is turned back. So every level holds noise as it is drawn where
it is that near, and the probability is a product of quarters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log, sqrt

import numpy as np
from scipy.stats import beta

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import RarityEstimate, SimulationLevel
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, seed_numbers

KEEP = 4
"""One trial in so many goes on to the next level, and walks so many places there, its own first."""

LEVELS = 8
"""The budget is shared among so many; it may end earlier, and goes on while budget is left."""

LEAST_CHAINS = 4
WANTED = 0.44
"""Share of moves that is to be kept (Papaioannou et al., 2015): the angle is set level by level."""

TWO_SIDED = 1.96


@dataclass(frozen=True)
class _State:
    """Where a walk stands; a move that was turned back leaves it there."""

    recipe: Recipe
    distance: float


def subset_simulation(plan: StrategyInput) -> StrategyGenerator:
    """Levels of nearer and nearer trials, until a quarter of them is within ``plan.near``.

    Prompts share the first level equally, and a walk keeps its prompt: the probability is that of
    a blind seed under one of them, chosen blindly. Raises ConfigError where ``plan.near`` is not
    given, the budget is too small for the first two levels, or the seeds pass 2^32.
    """
    near = plan.near
    if near is None:
        raise ConfigError(
            "The strategy rare estimates how rarely a trial comes near the target: say how near, "
            "as a distance by search.distance, in `search.strategy.near`."
        )
    cost = plan.recipe(plan.prompts[0], plan.first_seed).nfe
    left = plan.budget_nfe // cost
    prompts, deep = len(plan.prompts), KEEP + (KEEP - 1) * (LEVELS - 1)
    least = ceil(LEAST_CHAINS / prompts) * prompts
    chains = max(left // deep // prompts * prompts, least)
    if left < chains * (2 * KEEP - 1):
        raise ConfigError(
            f"A budget of {plan.budget_nfe} NFE is too small for the strategy rare: "
            f"{cost * least * deep} let it go {LEVELS} levels deep. Raise `search.budget_nfe`, or "
            "lower `search.prompts` or `search.steps`."
        )
    # Each seed once: the noise of a walk is normal only where what is mixed in is fresh.
    seeds = seed_numbers(plan.first_seed)
    blind = [
        replace(plan.recipe(plan.prompts[n % prompts], next(seeds)), variation_rule="rotation")
        for n in range(chains * KEEP)
    ]
    left -= len(blind)
    distances = yield blind
    walks = [
        [_State(each, distances[each.id]) for each in blind[start : start + KEEP]]
        for start in range(0, len(blind), KEEP)
    ]
    levels: list[SimulationLevel] = []
    strength = 0.5
    while True:
        states = sorted((each for walk in walks for each in walk), key=_distance)
        going_on = states[:chains]
        limit = going_on[-1].distance
        if limit <= near or left < chains * (KEEP - 1):
            levels.append(_level(walks, near, first=not levels))
            return _words(levels, near, left), estimate(levels, near)
        levels.append(_level(walks, limit, first=not levels))
        walks = [[each] for each in going_on]
        kept = 0
        for _ in range(KEEP - 1):
            moves = [walk[-1].recipe.with_variation(next(seeds), strength) for walk in walks]
            distances = yield moves
            left -= len(moves)
            for walk, move in zip(walks, moves, strict=True):
                stays = distances[move.id] > limit
                walk.append(walk[-1] if stays else _State(move, distances[move.id]))
                kept += not stays
        moved = kept / (chains * (KEEP - 1))
        strength = round(min(max(strength * exp(moved - WANTED), 0.03), 0.9), 4)


def estimate(levels: Sequence[SimulationLevel], near: float) -> RarityEstimate:
    """The product of the levels' shares, with an interval that holds however they hang together.

    Each level's relative error comes from its trials and how alike they are along a walk; the
    levels' errors are added as if they were the same one, which is the most it can be (Au & Beck's
    upper bound). The last level's interval is Clopper and Pearson's for as many trials as it is
    worth.
    """
    reached = float(np.prod([each.share for each in levels[:-1]]))
    spread = sum(sqrt((1 - each.share) / (each.share * each.worth)) for each in levels[:-1])
    last = levels[-1]
    hits = last.share * last.worth
    above = 1.0 if hits >= last.worth else float(beta.ppf(0.975, hits + 1, last.worth - hits))
    if not hits:
        high = min(1.0, reached * above * exp(TWO_SIDED * spread))
        return RarityEstimate(near=near, probability=0.0, low=0.0, high=high, levels=list(levels))
    below = float(beta.ppf(0.025, hits, last.worth - hits + 1))
    middle = reached * last.share
    down = sqrt(log(last.share / below) ** 2 + (TWO_SIDED * spread) ** 2)
    up = sqrt(log(above / last.share) ** 2 + (TWO_SIDED * spread) ** 2)
    return RarityEstimate(
        near=near,
        probability=middle,
        low=middle * exp(-down),
        high=min(1.0, middle * exp(up)),
        levels=list(levels),
    )


def _level(walks: Sequence[Sequence[_State]], limit: float, *, first: bool) -> SimulationLevel:
    """How many of a level's trials are within ``limit``, and how many blind ones they are worth."""
    inside = np.array([[each.distance <= limit for each in walk] for walk in walks], float)
    share, n = float(inside.mean()), inside.size
    alike = 0.0
    if not first and 0 < share < 1:
        for lag in range(1, KEEP):
            both = float((inside[:, :-lag] * inside[:, lag:]).mean())
            correlation = (both - share**2) / (share * (1 - share))
            alike += 2 * (1 - lag / KEEP) * max(correlation, 0.0)
    elif not first:
        alike = KEEP - 1.0  # nothing seen of it: the most it can be
    return SimulationLevel(distance=limit, share=share, trials=n, worth=n / (1 + alike))


def _distance(state: _State) -> float:
    return state.distance


def _words(levels: Sequence[SimulationLevel], near: float, left: int) -> str:
    found = estimate(levels, near)
    said = f"{found.probability:.2g}" if found.probability else "none was that near"
    return (
        f"a blind seed comes within {near:g} with a probability of: {said} (95 % interval "
        f"{found.low:.2g} to {found.high:.2g}); {len(levels)} levels of {levels[0].trials} trials, "
        f"budget left for {left} trials"
    )
