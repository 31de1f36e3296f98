"""Subset simulation (Au & Beck, 2001): the probability that a blind seed comes near the target.

A sweep of n seeds cannot see an event that is rarer than one in n. Here the nearest quarter of the
trials of a level seeds the next level: their noise is rotated a little by the preconditioned
Crank–Nicolson walk, and a move that ends farther away than that quarter is rejected. So every level
samples normal noise on the condition that it is that near, and the probability is a product of
quarters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log, sqrt

import numpy as np
from scipy.stats import beta

from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import RarityEstimate, SimulationLevel
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, iter_seeds

CHAIN_LENGTH = 4
"""The trials of a chain in each level, its start included. One trial in as many starts a chain of
the next level."""

LEVELS = 8
"""The budget is planned for this many levels. A run may end earlier, and goes on while it lasts."""

MIN_CHAINS = 4
TARGET_ACCEPTANCE = 0.44
"""Share of moves to accept (Papaioannou et al., 2015); the strength is adapted level by level."""

Z_95 = 1.96
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True)
class _State:
    """A position in a chain; a rejected move repeats the state before it."""

    recipe: Recipe
    distance: float


def subset_simulation(plan: StrategyInput) -> StrategyGenerator:
    """Run levels of ever nearer trials, until a quarter of them is within ``plan.near``.

    The prompts share the first level equally, and a chain keeps its prompt, so the probability is
    that of a blind seed under a prompt drawn at random. Raises ConfigError if ``plan.near`` is not
    set, if the budget is too small for the first two levels, or if the seeds pass 2^32.
    """
    near = plan.near
    if near is None:
        raise ConfigError(
            "The strategy subset-simulation estimates how rarely a trial comes near the target: "
            "set `search.strategy.near` to a distance in units of search.distance."
        )
    cost = plan.make_recipe(plan.prompts[0], plan.first_seed).nfe
    left = plan.budget_nfe // cost
    prompts = len(plan.prompts)
    trials_per_chain = CHAIN_LENGTH + (CHAIN_LENGTH - 1) * (LEVELS - 1)
    min_chains = ceil(MIN_CHAINS / prompts) * prompts
    chains = max(left // trials_per_chain // prompts * prompts, min_chains)
    if left < chains * (2 * CHAIN_LENGTH - 1):
        raise ConfigError(
            f"A budget of {plan.budget_nfe} NFE is too small for the strategy subset-simulation: "
            f"{LEVELS} levels take {cost * min_chains * trials_per_chain}. Raise "
            "`search.budget_nfe`, or lower `search.prompts` or `search.steps`."
        )
    # Every seed is used once: the noise of a chain is normal only if fresh noise is mixed in.
    seeds = iter_seeds(plan.first_seed)
    recipes = [
        replace(plan.make_recipe(plan.prompts[n % prompts], next(seeds)), variation_rule="rotation")
        for n in range(chains * CHAIN_LENGTH)
    ]
    left -= len(recipes)
    distances = yield recipes
    walks = [
        [_State(recipe, distances[recipe.id]) for recipe in recipes[start : start + CHAIN_LENGTH]]
        for start in range(0, len(recipes), CHAIN_LENGTH)
    ]
    levels: list[SimulationLevel] = []
    strength = 0.5
    while True:
        states = sorted((state for walk in walks for state in walk), key=_get_distance)
        starts = states[:chains]
        limit = starts[-1].distance
        if limit <= near or left < chains * (CHAIN_LENGTH - 1):
            levels.append(_summarise_level(walks, near, first=not levels))
            rarity = estimate_rarity(levels, near)
            return _give_end_reason(rarity, left), rarity
        levels.append(_summarise_level(walks, limit, first=not levels))
        walks = [[state] for state in starts]
        accepted = 0
        for _ in range(CHAIN_LENGTH - 1):
            moves = [walk[-1].recipe.with_variation(next(seeds), strength) for walk in walks]
            distances = yield moves
            left -= len(moves)
            for walk, move in zip(walks, moves, strict=True):
                is_rejected = distances[move.id] > limit
                walk.append(walk[-1] if is_rejected else _State(move, distances[move.id]))
                accepted += not is_rejected
        acceptance = accepted / (chains * (CHAIN_LENGTH - 1))
        strength = round(min(max(strength * exp(acceptance - TARGET_ACCEPTANCE), 0.03), 0.9), 4)


def estimate_rarity(levels: Sequence[SimulationLevel], near: float) -> RarityEstimate:
    """The product of the levels' shares, with an interval that allows for dependent levels.

    The relative error of a level follows from the number of its trials and their correlation along
    a chain. The errors of all levels are added as if they were fully dependent, which is the upper
    bound of Au & Beck. The interval of the last level is that of Clopper and Pearson, for its
    number of effective trials.
    """
    before_last = float(np.prod([level.share for level in levels[:-1]]))
    spread = sum(sqrt((1 - level.share) / (level.share * level.worth)) for level in levels[:-1])
    last = levels[-1]
    hits = last.share * last.worth
    last_high = 1.0 if hits >= last.worth else float(beta.ppf(0.975, hits + 1, last.worth - hits))
    if not hits:
        high = min(1.0, before_last * last_high * exp(Z_95 * spread))
        return RarityEstimate(near=near, probability=0.0, low=0.0, high=high, levels=list(levels))
    last_low = float(beta.ppf(0.025, hits, last.worth - hits + 1))
    probability = before_last * last.share
    log_down = sqrt(log(last.share / last_low) ** 2 + (Z_95 * spread) ** 2)
    log_up = sqrt(log(last_high / last.share) ** 2 + (Z_95 * spread) ** 2)
    return RarityEstimate(
        near=near,
        probability=probability,
        low=probability * exp(-log_down),
        high=min(1.0, probability * exp(log_up)),
        levels=list(levels),
    )


def _summarise_level(
    walks: Sequence[Sequence[_State]], limit: float, *, first: bool
) -> SimulationLevel:
    """The share of a level's trials within ``limit``, and their effective number."""
    inside = np.array([[state.distance <= limit for state in walk] for walk in walks], float)
    share, n = float(inside.mean()), inside.size
    correlation_sum = 0.0
    if not first and 0 < share < 1:
        for lag in range(1, CHAIN_LENGTH):
            both = float((inside[:, :-lag] * inside[:, lag:]).mean())
            correlation = (both - share**2) / (share * (1 - share))
            correlation_sum += 2 * (1 - lag / CHAIN_LENGTH) * max(correlation, 0.0)
    elif not first:
        correlation_sum = CHAIN_LENGTH - 1.0  # it cannot be measured here: assume the most
    return SimulationLevel(distance=limit, share=share, trials=n, worth=n / (1 + correlation_sum))


def _get_distance(state: _State) -> float:
    return state.distance


def _give_end_reason(rarity: RarityEstimate, trials_left: int) -> Reason:
    return Reason(
        code="rarity-estimated",
        values={
            "near": rarity.near,
            "probability": rarity.probability,
            "low": rarity.low,
            "high": rarity.high,
            "levels": len(rarity.levels),
            "trials_per_level": rarity.levels[0].trials,
            "trials_left": trials_left,
        },
    )
