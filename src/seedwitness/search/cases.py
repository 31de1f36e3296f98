"""Searches one case or many at once: strategies ask, the denoiser answers, guides say how close.

Many cases on one checkpoint share batches: each strategy is asked what it wants next, all of it is
run together, and each hears of its own. So a hundred controls cost what their recipes cost, and
not a hundred half-empty batches.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from seedwitness import config
from seedwitness.checkpoints import samplers
from seedwitness.checkpoints.loading import Loaded
from seedwitness.config import known
from seedwitness.errors import ConfigError
from seedwitness.records import Recipe
from seedwitness.search import GUIDES, STRATEGIES
from seedwitness.search.guide import Distances
from seedwitness.search.ledger import LEDGER, Made
from seedwitness.search.running import run_recipes
from seedwitness.search.strategy import Asking, plan
from seedwitness.seeds import PROTOCOLS


@dataclass(frozen=True)
class Case:
    """What is searched for, and with which prompts, best first."""

    picture: Image.Image
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a search gave: its recipes in the order asked for, and by recipe id what came of them.

    ``distances`` are the guide's, lower being closer; ``stopped`` is the strategy's reason.
    """

    recipes: tuple[Recipe, ...]
    made: Mapping[str, Made]
    distances: Mapping[str, float]
    stopped: str

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
    samplers.require(settings.sampler, settings.eta)


def run(
    loaded: Loaded, cases: Mapping[str, Case], settings: config.Search, ledger: Path = LEDGER
) -> Searched:
    """Search every case with the strategy, guide and budget of ``settings``, each by itself.

    What is found for a case depends on the others in last bits at most: recipes that fill no
    shard share one. Raises ConfigError as ``check`` and the strategy do, or where a case has no
    prompt.
    """
    check(settings)
    asking = {}
    for name, case in cases.items():
        if not case.prompts:
            raise ConfigError(
                f"There is no prompt to search {name} with: give it a caption in conf/targets.yaml."
            )
        planned = plan(tuple(dict.fromkeys(case.prompts)), settings, loaded.checkpoint)
        asking[name] = STRATEGIES[settings.strategy.name](planned)
    pictures = {name: case.picture for name, case in cases.items()}
    return _follow(loaded, asking, pictures, settings, ledger)


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

    return _follow(loaded, {"": given()}, {"": picture}, settings, ledger)


def _follow(
    loaded: Loaded,
    asking: Mapping[str, Asking],
    pictures: Mapping[str, Image.Image],
    settings: config.Search,
    ledger: Path,
) -> Searched:
    """Round after round: what all strategies ask for, run together, until each has stopped."""
    recipes: dict[str, dict[str, Recipe]] = {name: {} for name in asking}
    distances: dict[str, dict[str, float]] = {name: {} for name in asking}
    guides: dict[tuple[str, int, int], Distances] = {}
    made: dict[str, Made] = {}
    stopped: dict[str, str] = {}
    found = computed = 0
    wanted = _advance(asking, dict.fromkeys(asking), stopped)

    def measure(finished: dict[str, Made]) -> str:
        for name, wants in wanted.items():
            for each in wants:
                if each.id in finished:
                    place = (name, each.width, each.height)
                    if place not in guides:
                        guides[place] = GUIDES[settings.guide](
                            loaded.pipeline, pictures[name], each.width, each.height
                        )
                    latent = finished[each.id].latent[None]
                    distances[name][each.id] = float(guides[place](latent)[0])
        closest = min(value for each in distances.values() for value in each.values())
        return f"best {closest:.3f}"

    while wanted:
        round_ = [recipe for wants in wanted.values() for recipe in wants]
        done = run_recipes(
            loaded,
            round_,
            batch=settings.batch,
            shard=settings.shard,
            workers=settings.workers,
            ledger=ledger,
            watch=measure,
        )
        made |= done.made
        found, computed = found + done.found, computed + done.computed
        for name, wants in wanted.items():
            recipes[name] |= {recipe.id: recipe for recipe in wants}
        heard = {
            name: {each.id: distances[name][each.id] for each in wanted[name]} for name in wanted
        }
        wanted = _advance({name: asking[name] for name in wanted}, heard, stopped)
    outcomes = {
        name: Outcome(
            recipes=tuple(recipes[name].values()),
            made={key: made[key] for key in recipes[name]},
            distances=distances[name],
            stopped=stopped[name],
        )
        for name in asking
    }
    return Searched(outcomes, found, computed)


def _advance(
    asking: Mapping[str, Generator[list[Recipe], Mapping[str, float], str]],
    heard: Mapping[str, Mapping[str, float] | None],
    stopped: dict[str, str],
) -> dict[str, list[Recipe]]:
    """What each strategy asks for next; one that has stopped leaves its reason in ``stopped``."""
    wanted = {}
    for name, strategy in asking.items():
        answer = heard[name]
        try:
            wanted[name] = next(strategy) if answer is None else strategy.send(answer)
        except StopIteration as end:
            stopped[name] = end.value
    return wanted
