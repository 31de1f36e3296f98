"""What a search strategy is: it asks for recipes, hears how close each came, and may ask again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from seedwitness.config.steps import SearchSettings
from seedwitness.errors import ConfigError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import RarityEstimate
from seedwitness.seeds.torch_cpu import SEED_COUNT


@dataclass(frozen=True)
class StrategyInput:
    """What a strategy has to work with: candidates, best first, and what it may spend.

    ``recipe`` makes the recipe of a prompt and a seed; a search varies nothing else.
    """

    prompts: tuple[str, ...]
    budget_nfe: int
    first_seed: int
    recipe: Callable[[str, int], Recipe]
    near: float | None = None


StrategyGenerator = Generator[list[Recipe], Mapping[str, float], str | tuple[str, RarityEstimate]]
"""Yields recipes, is sent their distances by recipe id (lower is closer), returns why it stopped.

With the reason it may return how rarely a blind seed comes near.

What it yields must follow from the plan and the distances alone, so that a search that was killed
asks for the same again.
"""

Strategy = Callable[[StrategyInput], StrategyGenerator]


def strategy_input(
    prompts: tuple[str, ...],
    settings: SearchSettings,
    checkpoint: CheckpointIdentity,
) -> StrategyInput:
    """The plan of one case; sizes that the settings leave open are the checkpoint's."""

    def recipe(prompt: str, seed: int) -> Recipe:
        return Recipe(
            prompt=prompt,
            seed=seed,
            width=settings.width or checkpoint.width,
            height=settings.height or checkpoint.height,
            sampler=settings.sampler,
            steps=settings.steps,
            guidance=settings.guidance,
            negative_prompt=settings.negative_prompt,
            rng=settings.rng,
            eta=settings.eta,
            dtype=checkpoint.dtype,
        )

    asked = settings.strategy
    return StrategyInput(prompts, settings.budget_nfe, asked.first_seed, recipe, asked.near)


def seed_numbers(first: int) -> Iterator[int]:
    """Seeds from ``first`` on, each once. Raises ConfigError at 2^32, from where they repeat."""
    yield from range(first, SEED_COUNT)
    require_seeds(first, SEED_COUNT + 1 - first)


def require_seeds(first: int, count: int) -> None:
    """Raise ConfigError where ``count`` seeds from ``first`` on pass 2^32, and so repeat."""
    if first + count > SEED_COUNT:
        raise ConfigError(
            f"Seeds from {first} on pass 2^32, from where on they repeat: lower "
            "`search.strategy.first_seed` or `search.budget_nfe`."
        )
