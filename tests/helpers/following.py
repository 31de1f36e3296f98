"""Leads a strategy to its end, with distances that need no denoiser."""

from collections.abc import Callable
from typing import Any

from seedwitness.records.recipe import Recipe
from seedwitness.search.strategy import Strategy, StrategyInput


def followed(
    strategy: Strategy, planned: StrategyInput, distance: Callable[[Recipe], float]
) -> tuple[list[list[Recipe]], Any]:
    """What it asks for, round by round, and what it returns."""
    asking, rounds = strategy(planned), []
    asked = next(asking)
    while True:
        rounds.append(asked)
        try:
            asked = asking.send({each.id: distance(each) for each in asked})
        except StopIteration as end:
            return rounds, end.value
