"""Searches one case or many at once: strategies ask, the denoiser answers, guides say how close.

Many cases on one checkpoint share batches: each strategy is asked what it wants next, all of it is
run together, and each hears of its own. So a hundred controls cost what their recipes cost, and
not a hundred half-empty batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.reading import suggest_names
from seedwitness.config.steps import SearchSettings
from seedwitness.engine import schedulers
from seedwitness.engine.executor import execute
from seedwitness.engine.latent_cache import DEFAULT_ROOT, Sample
from seedwitness.errors import ConfigError
from seedwitness.imaging import alignment
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import BLIND_STRATEGY, RarityEstimate
from seedwitness.search import DISTANCES, STRATEGIES
from seedwitness.search.early_stopping import CopyTest, StopCounter, StopReason
from seedwitness.search.latent_distance import DistanceFunction
from seedwitness.search.strategy import StrategyGenerator, strategy_input
from seedwitness.seeds import RNG_ALGORITHMS

MIXING = ("subset-simulation", "variations")
"""Strategies that mix a seed's noise with another's, for which no noise within the steps is known.
"""


@dataclass(frozen=True)
class SearchCase:
    """What is searched for, and with which prompts, best first."""

    picture: Image.Image
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class SearchOutcome:
    """What a search gave: its recipes in the order asked for, and by recipe id what came of them.

    ``distances`` are the guide's, lower being closer; ``stopped`` is the reason why it ended, in
    words, and ``ended`` in one.
    """

    recipes: tuple[Recipe, ...]
    samples: Mapping[str, Sample]
    distances: Mapping[str, float]
    stopped: str
    ended: StopReason
    rare: RarityEstimate | None

    @property
    def ranked(self) -> list[Recipe]:
        """The recipes, closest first; of equals the one that was asked for first."""
        return sorted(self.recipes, key=lambda recipe: self.distances[recipe.id])

    @property
    def nfe(self) -> int:
        """Evaluations of the denoiser that the recipes stand for, however many were found done."""
        return sum(recipe.nfe for recipe in self.recipes)


@dataclass(frozen=True)
class SearchResults:
    """Outcomes by case; how many shards were cached and computed; the cache keys that were used."""

    outcomes: dict[str, SearchOutcome]
    cached: int
    computed: int
    keys: frozenset[str]


def check_search_settings(settings: SearchSettings) -> None:
    """Raise ConfigError where the settings name something unknown; it costs no time."""
    for table, key, name in (
        (STRATEGIES, "strategy.name", settings.strategy.name),
        (DISTANCES, "distance", settings.distance),
        (RNG_ALGORITHMS, "rng", settings.rng),
    ):
        if name not in table:
            raise ConfigError(f"search.{key}: there is no `{name}`.{suggest_names(name, table)}")
    schedulers.require_sampler(settings.sampler, settings.eta)
    if settings.eta and (settings.strategy.name in MIXING or settings.rng != "torch-cpu"):
        raise ConfigError(
            f"search.eta {settings.eta:g} draws noise within the steps, which is known for plain "
            "seeds by `torch-cpu` alone: set it to 0 with the strategy "
            f"`{settings.strategy.name}` by `{settings.rng}`."
        )
    alignment.check_resize_rule(settings.resize)
    if settings.stop.rate and settings.strategy.name != BLIND_STRATEGY:
        raise ConfigError(
            f"search.stop.rate tells from trials without a copy how rare copies are, and that only "
            f"blind seeds can tell: take the strategy `{BLIND_STRATEGY}` with it, or set it to 0 with "
            f"`{settings.strategy.name}`."
        )


def search_cases(
    loaded: LoadedCheckpoint,
    cases: Mapping[str, SearchCase],
    settings: SearchSettings,
    ledger: Path = DEFAULT_ROOT,
    copy_test: CopyTest | None = None,
) -> SearchResults:
    """Search every case with the strategy, guide and budget of ``settings``, each by itself.

    ``copy_test`` says what is a copy, where ``settings.stop`` has a case end early. What is found
    for a case depends on the others in last bits at most: recipes that fill no shard share one.
    Raises ConfigError as ``check`` and the strategy do, or where a case has no prompt; ValueError
    where there is something to stop for and no ``copy_test``.
    """
    check_search_settings(settings)
    if settings.stop.is_enabled and copy_test is None:
        raise ValueError("a search that may end early needs to be told what a copy is")
    ways = {}
    for name, case in cases.items():
        if not case.prompts:
            raise ConfigError(
                f"There is no prompt to search {name} with: give it a caption in conf/targets.yaml."
            )
        planned = strategy_input(tuple(dict.fromkeys(case.prompts)), settings, loaded.checkpoint)
        asking = STRATEGIES[settings.strategy.name](planned)
        counting = (
            StopCounter(settings.stop, len(planned.prompts)) if settings.stop.is_enabled else None
        )
        ways[name] = _RunningCase(asking, case.picture, counting)
    return _run_rounds(loaded, ways, settings, ledger, copy_test)


def replay_recipes(
    loaded: LoadedCheckpoint,
    recipes: Sequence[Recipe],
    picture: Image.Image,
    settings: SearchSettings,
    ledger: Path = DEFAULT_ROOT,
) -> SearchResults:
    """Run given recipes, and measure by the guide how far each is from ``picture``.

    The one outcome stands under the empty name.
    """

    def given() -> StrategyGenerator:
        yield list(recipes)
        return "all recipes replayed"

    return _run_rounds(loaded, {"": _RunningCase(given(), picture, None)}, settings, ledger, None)


@dataclass
class _RunningCase:
    """One case on its way: what its strategy waits for, and what has come of the rest."""

    asking: StrategyGenerator
    picture: Image.Image
    counting: StopCounter | None  # None where it ends with its strategy only
    asked: list[Recipe] = field(default_factory=list)  # in this round of the strategy
    done: int = 0  # how many of these
    recipes: dict[str, Recipe] = field(default_factory=dict)
    distances: dict[str, float] = field(default_factory=dict)
    end: tuple[StopReason, str] | None = None
    rare: RarityEstimate | None = None

    def next(self, at_once: int) -> list[Recipe]:
        """What to run now: all that is asked for, or so many of it where the search may end."""
        return self.asked[self.done :][: at_once if self.counting else None]

    def advance(self) -> None:
        """Let the strategy hear of its round, and ask for the next or stop."""
        heard = {each.id: self.distances[each.id] for each in self.asked}
        try:
            self.asked = self.asking.send(heard) if heard else next(self.asking)
            self.done = 0
        except StopIteration as stop:
            self.asked = []
            why, self.rare = stop.value if isinstance(stop.value, tuple) else (stop.value, None)
            self.end = ("budget", why)

    def take(self, recipes: Sequence[Recipe], copied: Sequence[bool]) -> None:
        """Take trials into account in their order, up to the one that ends the search."""
        for recipe, copy in zip(recipes, copied, strict=True):
            self.recipes[recipe.id] = recipe
            self.end = self.counting.count(recipe, copy) if self.counting else None
            if self.end:
                self.asking.close()
                return
        self.done += len(recipes)
        if self.done == len(self.asked):
            self.advance()


def _run_rounds(
    loaded: LoadedCheckpoint,
    ways: Mapping[str, _RunningCase],
    settings: SearchSettings,
    ledger: Path,
    copies: CopyTest | None,
) -> SearchResults:
    """Round after round: what all strategies ask for, run together, until each has ended."""
    guides: dict[tuple[str, int, int], DistanceFunction] = {}
    made: dict[str, Sample] = {}
    cached = computed = 0
    keys: set[str] = set()
    for way in ways.values():
        way.advance()

    def measure(finished: dict[str, Sample]) -> str:
        for name, recipes in wanted.items():
            for each in recipes:
                if each.id in finished:
                    place = (name, each.width, each.height)
                    if place not in guides:
                        guides[place] = DISTANCES[settings.distance](
                            loaded.pipeline,
                            ways[name].picture,
                            each.width,
                            each.height,
                            settings.resize,
                        )
                    latent = finished[each.id].latent[None]
                    ways[name].distances[each.id] = float(guides[place](latent)[0])
        closest = min(value for way in ways.values() for value in way.distances.values())
        return f"best {closest:.3f}"

    while wanted := {
        name: way.next(settings.shard) for name, way in ways.items() if way.end is None
    }:
        done = execute(
            loaded,
            [recipe for recipes in wanted.values() for recipe in recipes],
            batch=settings.batch,
            shard=settings.shard,
            workers=settings.workers,
            ledger=ledger,
            progress=measure,
        )
        made |= done.samples
        cached, computed = cached + done.cached, computed + done.computed
        keys |= done.keys
        for name, recipes in wanted.items():
            way = ways[name]
            copied = [False] * len(recipes)
            if way.counting and copies:
                latents = torch.stack([made[each.id].latent for each in recipes])
                copied = copies(latents, way.picture)
            way.take(recipes, copied)
    return SearchResults(
        {name: _outcome(way, made) for name, way in ways.items()}, cached, computed, frozenset(keys)
    )


def _outcome(way: _RunningCase, made: Mapping[str, Sample]) -> SearchOutcome:
    assert way.end is not None
    ended, stopped = way.end
    return SearchOutcome(
        recipes=tuple(way.recipes.values()),
        samples={key: made[key] for key in way.recipes},
        distances={key: way.distances[key] for key in way.recipes},
        stopped=stopped,
        ended=ended,
        rare=way.rare,
    )
