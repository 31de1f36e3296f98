"""Searches one or many cases on a checkpoint, in rounds of shared batches.

In each round every strategy yields the recipes that it wants computed. The recipes of all cases
are computed together, and each strategy is sent the latent distances of its own. So a hundred
controls cost as much as their recipes, and not a hundred half-empty batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.engine.executor import Execution
from seedwitness.engine.latent_cache import DEFAULT_ROOT, Sample
from seedwitness.engine.schedulers import adds_noise
from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import BLIND_STRATEGY, RarityEstimate
from seedwitness.search import DISTANCES, STRATEGIES
from seedwitness.search.early_stopping import CopyTest, StopCounter, StopReason
from seedwitness.search.latent_distance import DistanceFunction
from seedwitness.search.strategy import StrategyGenerator, make_strategy_input

MIXING_STRATEGIES = ("subset-simulation", "variations")
"""Strategies that mix the noise of several seeds. The noise that a sampler draws within its steps
is defined for a single seed only.
"""


@dataclass(frozen=True)
class SearchCase:
    """The target image of a search, and the prompts to try, best first."""

    picture: Image.Image
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class SearchOutcome:
    """The result of one search: its recipes in the order of the strategy, and samples by recipe id.

    ``distances`` are latent distances by recipe id; lower is closer. ``ended`` and ``end_reason``
    are as in ``SearchSummary``.
    """

    recipes: tuple[Recipe, ...]
    samples: Mapping[str, Sample]
    distances: Mapping[str, float]
    ended: StopReason
    end_reason: Reason
    rare: RarityEstimate | None

    @property
    def ranked(self) -> list[Recipe]:
        """The recipes by latent distance, closest first; ties are in the order of the strategy."""
        return sorted(self.recipes, key=lambda recipe: self.distances[recipe.id])

    @property
    def nfe(self) -> int:
        """Evaluations of the denoiser that the recipes cost, those read from the cache included."""
        return sum(recipe.nfe for recipe in self.recipes)


@dataclass(frozen=True)
class SearchResults:
    """Outcomes by case; numbers of cached and computed shards; the cache keys that were used."""

    outcomes: dict[str, SearchOutcome]
    cached: int
    computed: int
    keys: frozenset[str]


def check_search_settings(settings: SearchSettings) -> None:
    """Raise ConfigError if the settings contradict each other; nothing is loaded or computed."""
    if adds_noise(settings.sampler, settings.eta) and settings.strategy.name in MIXING_STRATEGIES:
        raise ConfigError(
            f"The sampler {settings.sampler} with eta {settings.eta:g} adds noise after its steps, "
            f"which is defined only for single seeds, and the strategy `{settings.strategy.name}` "
            "mixes them. Use a sampler that adds none with eta 0, or the strategy `sweep`."
        )
    if settings.stop.rate and settings.strategy.name != BLIND_STRATEGY:
        raise ConfigError(
            "search.stop.rate bounds the copy rate from trials without a copy, which is valid for "
            f"blind seeds only. Use the strategy `{BLIND_STRATEGY}`, or set search.stop.rate to 0 "
            f"with `{settings.strategy.name}`."
        )


def search_cases(
    loaded: LoadedCheckpoint,
    cases: Mapping[str, SearchCase],
    settings: SearchSettings,
    ledger: Path = DEFAULT_ROOT,
    copy_test: CopyTest | None = None,
) -> SearchResults:
    """Search every case with the strategy, latent distance and budget of ``settings``.

    Each case has a strategy and a budget of its own. ``copy_test`` decides which latents are
    copies; it is needed if ``settings.stop`` lets a case end early. The other cases change the
    result of a case in the last bits at most, because recipes that do not fill a shard share one.

    Raises ConfigError as ``check_search_settings`` and the strategy do, or if a case has no prompt;
    ValueError if early stopping is enabled and ``copy_test`` is None.
    """
    check_search_settings(settings)
    if settings.stop.is_enabled and copy_test is None:
        raise ValueError("a search with early stopping needs a copy test")
    runs = {}
    for name, case in cases.items():
        if not case.prompts:
            raise ConfigError(
                f"There is no prompt to search {name} with: give it a caption in its target.yaml."
            )
        plan = make_strategy_input(tuple(dict.fromkeys(case.prompts)), settings, loaded.checkpoint)
        counter = StopCounter(settings.stop, len(plan.prompts))
        runs[name] = _CaseRun(
            STRATEGIES[settings.strategy.name](plan),
            case.picture,
            counter if settings.stop.is_enabled else None,
        )
    return _run_rounds(loaded, runs, settings, ledger, copy_test)


def replay_recipes(
    loaded: LoadedCheckpoint,
    recipes: Sequence[Recipe],
    picture: Image.Image,
    settings: SearchSettings,
    ledger: Path = DEFAULT_ROOT,
) -> SearchResults:
    """Compute ``recipes``, and the latent distance of each to ``picture``.

    The results hold one outcome, under the empty name.
    """

    def yield_once() -> StrategyGenerator:
        yield list(recipes)
        return Reason(code="recipes-completed", values={"trials": len(recipes)})

    return _run_rounds(loaded, {"": _CaseRun(yield_once(), picture, None)}, settings, ledger, None)


@dataclass
class _CaseRun:
    """The state of one case during a search: its strategy, and the results so far."""

    strategy: StrategyGenerator
    picture: Image.Image
    counter: StopCounter | None
    """None if the case ends with its strategy only."""
    pending: list[Recipe] = field(default_factory=list)
    """The recipes of the strategy's current round."""
    processed: int = 0
    """How many of ``pending`` are computed and counted."""
    recipes: dict[str, Recipe] = field(default_factory=dict)
    distances: dict[str, float] = field(default_factory=dict)
    end: tuple[StopReason, Reason] | None = None
    rare: RarityEstimate | None = None

    def next_recipes(self, limit: int) -> list[Recipe]:
        """The recipes to compute next: all that are left, or ``limit`` with early stopping."""
        return self.pending[self.processed :][: limit if self.counter else None]

    def advance(self) -> None:
        """Send the strategy the distances of its round, and take its next round or its end."""
        distances = {recipe.id: self.distances[recipe.id] for recipe in self.pending}
        try:
            self.pending = self.strategy.send(distances) if distances else next(self.strategy)
            self.processed = 0
        except StopIteration as stop:
            self.pending = []
            reason, self.rare = stop.value if isinstance(stop.value, tuple) else (stop.value, None)
            self.end = ("budget", reason)

    def count_trials(self, recipes: Sequence[Recipe], is_copy: Sequence[bool]) -> None:
        """Count trials in their order, up to the one that ends the search."""
        for recipe, copy in zip(recipes, is_copy, strict=True):
            self.recipes[recipe.id] = recipe
            self.end = self.counter.count(recipe, copy) if self.counter else None
            if self.end:
                self.strategy.close()
                return
        self.processed += len(recipes)
        if self.processed == len(self.pending):
            self.advance()


def _run_rounds(
    loaded: LoadedCheckpoint,
    runs: Mapping[str, _CaseRun],
    settings: SearchSettings,
    ledger: Path,
    copy_test: CopyTest | None,
) -> SearchResults:
    """Compute the recipes of all strategies together, round after round, until each has ended."""
    distance_functions: dict[tuple[str, int, int], DistanceFunction] = {}
    samples: dict[str, Sample] = {}
    cached = computed = 0
    keys: set[str] = set()
    for run in runs.values():
        run.advance()

    def measure_distances(new_samples: dict[str, Sample]) -> None:
        for name, recipes in batch.items():
            for recipe in recipes:
                if recipe.id in new_samples:
                    size = (name, recipe.width, recipe.height)
                    if size not in distance_functions:
                        distance_functions[size] = DISTANCES[settings.distance](
                            loaded.pipeline,
                            runs[name].picture,
                            recipe.width,
                            recipe.height,
                            settings.resize,
                        )
                    latent = new_samples[recipe.id].latent[None]
                    runs[name].distances[recipe.id] = float(distance_functions[size](latent)[0])

    while batch := {
        name: run.next_recipes(settings.shard) for name, run in runs.items() if run.end is None
    }:
        execution = Execution(
            loaded,
            [recipe for recipes in batch.values() for recipe in recipes],
            batch=settings.batch,
            shard=settings.shard,
            workers=settings.workers,
            ledger=ledger,
        )
        for new_samples in execution:
            measure_distances(new_samples)
            closest = min(value for run in runs.values() for value in run.distances.values())
            execution.note = f"best {closest:.3f}"
        samples |= execution.samples
        cached, computed = cached + execution.cached, computed + execution.computed
        keys |= execution.keys
        for name, recipes in batch.items():
            run = runs[name]
            is_copy = [False] * len(recipes)
            if run.counter and copy_test:
                latents = torch.stack([samples[recipe.id].latent for recipe in recipes])
                is_copy = copy_test(latents, run.picture)
            run.count_trials(recipes, is_copy)
    return SearchResults(
        {name: _make_outcome(run, samples) for name, run in runs.items()},
        cached,
        computed,
        frozenset(keys),
    )


def _make_outcome(run: _CaseRun, samples: Mapping[str, Sample]) -> SearchOutcome:
    assert run.end is not None
    ended, end_reason = run.end
    return SearchOutcome(
        recipes=tuple(run.recipes.values()),
        samples={key: samples[key] for key in run.recipes},
        distances={key: run.distances[key] for key in run.recipes},
        ended=ended,
        end_reason=end_reason,
        rare=run.rare,
    )
