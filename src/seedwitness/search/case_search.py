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

from seedwitness import config
from seedwitness.checkpoints.loading import Loaded
from seedwitness.config import known
from seedwitness.engine import schedulers
from seedwitness.engine.executor import run_recipes
from seedwitness.engine.latent_cache import LEDGER, Made
from seedwitness.errors import ConfigError
from seedwitness.imaging import alignment
from seedwitness.records import BLIND, Rare, Recipe
from seedwitness.search import GUIDES, STRATEGIES
from seedwitness.search.early_stopping import Copies, Counting, Ended
from seedwitness.search.latent_distance import Distances
from seedwitness.search.strategy import Asking, plan
from seedwitness.seeds import PROTOCOLS

MIXING = ("rare", "variations")
"""Strategies that mix a seed's noise with another's, for which no noise within the steps is known.
"""


@dataclass(frozen=True)
class Case:
    """What is searched for, and with which prompts, best first."""

    picture: Image.Image
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a search gave: its recipes in the order asked for, and by recipe id what came of them.

    ``distances`` are the guide's, lower being closer; ``stopped`` is the reason why it ended, in
    words, and ``ended`` in one.
    """

    recipes: tuple[Recipe, ...]
    made: Mapping[str, Made]
    distances: Mapping[str, float]
    stopped: str
    ended: Ended
    rare: Rare | None

    @property
    def ranked(self) -> list[Recipe]:
        """The recipes, closest first; of equals the one that was asked for first."""
        return sorted(self.recipes, key=lambda recipe: self.distances[recipe.id])

    @property
    def nfe(self) -> int:
        """Evaluations of the denoiser that the recipes stand for, however many were found done."""
        return sum(recipe.nfe for recipe in self.recipes)


@dataclass(frozen=True)
class Searched:
    """Outcomes by case, and how many shards of the ledger were found and computed for them."""

    outcomes: dict[str, Outcome]
    found: int
    computed: int


def check(settings: config.Search) -> None:
    """Raise ConfigError where the settings name something unknown; it costs no time."""
    for table, key, name in (
        (STRATEGIES, "strategy.name", settings.strategy.name),
        (GUIDES, "guide", settings.guide),
        (PROTOCOLS, "rng", settings.rng),
    ):
        if name not in table:
            raise ConfigError(f"search.{key}: there is no `{name}`.{known(name, table)}")
    schedulers.require(settings.sampler, settings.eta)
    if settings.eta and (settings.strategy.name in MIXING or settings.rng != "torch-cpu"):
        raise ConfigError(
            f"search.eta {settings.eta:g} draws noise within the steps, which is known for plain "
            "seeds by `torch-cpu` alone: set it to 0 with the strategy "
            f"`{settings.strategy.name}` by `{settings.rng}`."
        )
    alignment.check(settings.fit)
    if settings.stop.rate and settings.strategy.name != BLIND:
        raise ConfigError(
            f"search.stop.rate tells from trials without a copy how rare copies are, and that only "
            f"blind seeds can tell: take the strategy `{BLIND}` with it, or set it to 0 with "
            f"`{settings.strategy.name}`."
        )


def run(
    loaded: Loaded,
    cases: Mapping[str, Case],
    settings: config.Search,
    ledger: Path = LEDGER,
    copies: Copies | None = None,
) -> Searched:
    """Search every case with the strategy, guide and budget of ``settings``, each by itself.

    ``copies`` says what counts as one, where ``settings.stop`` has a case end early. What is found
    for a case depends on the others in last bits at most: recipes that fill no shard share one.
    Raises ConfigError as ``check`` and the strategy do, or where a case has no prompt; ValueError
    where there is something to stop for and no ``copies``.
    """
    check(settings)
    if settings.stop.early and copies is None:
        raise ValueError("a search that may end early needs to be told what a copy is")
    ways = {}
    for name, case in cases.items():
        if not case.prompts:
            raise ConfigError(
                f"There is no prompt to search {name} with: give it a caption in conf/targets.yaml."
            )
        planned = plan(tuple(dict.fromkeys(case.prompts)), settings, loaded.checkpoint)
        asking = STRATEGIES[settings.strategy.name](planned)
        counting = Counting(settings.stop, len(planned.prompts)) if settings.stop.early else None
        ways[name] = _Way(asking, case.picture, counting)
    return _follow(loaded, ways, settings, ledger, copies)


def replay(
    loaded: Loaded,
    recipes: Sequence[Recipe],
    picture: Image.Image,
    settings: config.Search,
    ledger: Path = LEDGER,
) -> Searched:
    """Run given recipes, and measure by the guide how far each is from ``picture``.

    The one outcome stands under the empty name.
    """

    def given() -> Asking:
        yield list(recipes)
        return "all recipes replayed"

    return _follow(loaded, {"": _Way(given(), picture, None)}, settings, ledger, None)


@dataclass
class _Way:
    """One case on its way: what its strategy waits for, and what has come of the rest."""

    asking: Asking
    picture: Image.Image
    counting: Counting | None  # None where it ends with its strategy only
    asked: list[Recipe] = field(default_factory=list)  # in this round of the strategy
    done: int = 0  # how many of these
    recipes: dict[str, Recipe] = field(default_factory=dict)
    distances: dict[str, float] = field(default_factory=dict)
    end: tuple[Ended, str] | None = None
    rare: Rare | None = None

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
            self.end = self.counting.look(recipe, copy) if self.counting else None
            if self.end:
                self.asking.close()
                return
        self.done += len(recipes)
        if self.done == len(self.asked):
            self.advance()


def _follow(
    loaded: Loaded,
    ways: Mapping[str, _Way],
    settings: config.Search,
    ledger: Path,
    copies: Copies | None,
) -> Searched:
    """Round after round: what all strategies ask for, run together, until each has ended."""
    guides: dict[tuple[str, int, int], Distances] = {}
    made: dict[str, Made] = {}
    found = computed = 0
    for way in ways.values():
        way.advance()

    def measure(finished: dict[str, Made]) -> str:
        for name, recipes in wanted.items():
            for each in recipes:
                if each.id in finished:
                    place = (name, each.width, each.height)
                    if place not in guides:
                        guides[place] = GUIDES[settings.guide](
                            loaded.pipeline,
                            ways[name].picture,
                            each.width,
                            each.height,
                            settings.fit,
                        )
                    latent = finished[each.id].latent[None]
                    ways[name].distances[each.id] = float(guides[place](latent)[0])
        closest = min(value for way in ways.values() for value in way.distances.values())
        return f"best {closest:.3f}"

    while wanted := {
        name: way.next(settings.shard) for name, way in ways.items() if way.end is None
    }:
        done = run_recipes(
            loaded,
            [recipe for recipes in wanted.values() for recipe in recipes],
            batch=settings.batch,
            shard=settings.shard,
            workers=settings.workers,
            ledger=ledger,
            watch=measure,
        )
        made |= done.made
        found, computed = found + done.found, computed + done.computed
        for name, recipes in wanted.items():
            way = ways[name]
            copied = [False] * len(recipes)
            if way.counting and copies:
                latents = torch.stack([made[each.id].latent for each in recipes])
                copied = copies(latents, way.picture)
            way.take(recipes, copied)
    return Searched(
        {name: _outcome(way, made) for name, way in ways.items()}, found=found, computed=computed
    )


def _outcome(way: _Way, made: Mapping[str, Made]) -> Outcome:
    assert way.end is not None
    ended, stopped = way.end
    return Outcome(
        recipes=tuple(way.recipes.values()),
        made={key: made[key] for key in way.recipes},
        distances={key: way.distances[key] for key in way.recipes},
        stopped=stopped,
        ended=ended,
        rare=way.rare,
    )
