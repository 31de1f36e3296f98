"""The interface of a search strategy: a generator that yields recipes and is sent distances."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from seedwitness.config.steps import SearchSettings
from seedwitness.errors import ConfigError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import RarityEstimate
from seedwitness.seeds.torch_cpu import SEED_COUNT


@dataclass(frozen=True)
class StrategyInput:
    """The input of a strategy: prompt candidates, best first, and its budget.

    ``make_recipe`` makes the recipe of a prompt and a seed; a search varies nothing else. ``near``
    is the latent distance whose probability ``subset-simulation`` estimates.
    """

    prompts: tuple[str, ...]
    budget_nfe: int
    first_seed: int
    make_recipe: Callable[[str, int], Recipe]
    near: float | None = None


StrategyGenerator = Generator[
    list[Recipe], Mapping[str, float], Reason | tuple[Reason, RarityEstimate]
]
"""Yields recipes, is sent their distances by recipe id (lower is closer), returns why it ended.

Beside the reason it may return an estimate of how rarely a blind seed comes near the target.

The recipes must follow from the input and the distances alone, so that a search that was killed
repeats the same ones.
"""

Strategy = Callable[[StrategyInput], StrategyGenerator]


def make_strategy_input(
    prompts: tuple[str, ...],
    settings: SearchSettings,
    checkpoint: CheckpointIdentity,
) -> StrategyInput:
    """The input of one case; a size that the settings leave open is the checkpoint's."""

    def make_recipe(prompt: str, seed: int) -> Recipe:
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

    strategy = settings.strategy
    return StrategyInput(
        prompts, settings.budget_nfe, strategy.first_seed, make_recipe, strategy.near
    )


def iter_seeds(first: int) -> Iterator[int]:
    """Seeds from ``first`` on, each once. Raises ConfigError at 2^32, where they would repeat."""
    yield from range(first, SEED_COUNT)
    require_seeds(first, SEED_COUNT + 1 - first)


def require_seeds(first: int, count: int) -> None:
    """Raise ConfigError if ``count`` seeds from ``first`` on pass 2^32, where they would repeat."""
    if first + count > SEED_COUNT:
        raise ConfigError(
            f"Seeds from {first} on pass 2^32, where they repeat: lower "
            "`search.strategy.first_seed` or `search.budget_nfe`."
        )
