"""The recipes of a case on one side, their distances from the target, and the images that are kept.

A recipe is known by its id, which is of all that makes an image except the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedwitness.compare.cases import CaseEntry
from seedwitness.errors import RecordError
from seedwitness.statistics.distances import distance_of

TRIAL_COLUMNS = ("trial", "parent", "variations", "prompt", "seed", "rng", "batch_index")
SCORE_COLUMNS = ("trial", "metric", "score")


@dataclass(frozen=True)
class SharedRecipe:
    """What of a recipe names its noise, and its prompt; ``is_blind`` if no result chose it."""

    prompt: str
    seed: int
    rng: str
    batch_index: int
    is_blind: bool

    @property
    def noise(self) -> tuple[int, str, int]:
        """What tells apart the noise of two blind recipes."""
        return self.seed, self.rng, self.batch_index


@dataclass(frozen=True)
class CaseRecipes:
    """The recipes that a case tried, the distances that it and its replay reached, and images.

    ``replayed`` are the distances of the same recipes on the checkpoint ``reference``. Images are
    paths by recipe, of the case and of its replay. ``is_complete`` is False where the tables are
    missing, and only the trials that the report cites are known.
    """

    entry: CaseEntry
    recipes: Mapping[str, SharedRecipe]
    distances: Mapping[str, float]
    replayed: Mapping[str, float]
    reference: str
    images: Mapping[str, str]
    replayed_images: Mapping[str, str]
    is_complete: bool


def read_recipes(entry: CaseEntry) -> CaseRecipes:
    """Read the tables of a case, or, where they are missing, what its report cites."""
    trials = entry.side.read_columns(entry.path("search", "trials.parquet"), TRIAL_COLUMNS)
    distances = _read_distances(entry, "scores.parquet")
    is_complete = trials is not None and distances is not None
    recipes = _cite_recipes(entry)
    if trials is not None:
        recipes |= _list_recipes(trials)
    replay = entry.case.replay
    return CaseRecipes(
        entry=entry,
        recipes=recipes,
        distances=_cite_distances(entry) if distances is None else distances,
        replayed=_read_distances(entry, "reference.parquet") or {} if replay.trials else {},
        reference=replay.reference if replay.trials else "",
        images=_list_images(entry, "images", ""),
        replayed_images=_list_images(entry, "reference", "reference/") if replay.trials else {},
        is_complete=is_complete,
    )


def collect_distances(case: CaseRecipes, others: Sequence[CaseRecipes]) -> dict[str, float]:
    """The distances of blind recipes on one side, also of those that ``others`` replayed on it."""
    found: dict[str, float] = {}
    for other in others:
        if _is_replayed_on(case, other):
            found |= _select_blind(other.replayed, other.recipes)
    return found | _select_blind(case.distances, case.recipes)


def collect_images(case: CaseRecipes, others: Sequence[CaseRecipes]) -> dict[str, str]:
    """The images of one side by recipe, also of those that ``others`` replayed on it."""
    found = {
        trial: path
        for other in others
        for trial, path in (other.replayed_images.items() if _is_replayed_on(case, other) else ())
    }
    return found | dict(case.images)


def _select_blind(
    distances: Mapping[str, float], recipes: Mapping[str, SharedRecipe]
) -> dict[str, float]:
    return {
        trial: distance
        for trial, distance in distances.items()
        if trial in recipes and recipes[trial].is_blind
    }


def _is_replayed_on(case: CaseRecipes, other: CaseRecipes) -> bool:
    """Whether the replay of ``other`` ran on the very checkpoint of ``case``, in the same state."""
    return (
        case.entry.side.checkpoint is not None
        and other is not case
        and other.reference == case.entry.case.checkpoint
    )


def _read_distances(entry: CaseEntry, name: str) -> dict[str, float] | None:
    """The distances by the judge's metric, by recipe; None where the table is missing."""
    table = entry.side.read_columns(entry.path("score", name), SCORE_COLUMNS)
    if table is None:
        return None
    statistic = entry.case.memorised.statistic
    scores: dict[str, float] = {}
    for trial, metric, score in zip(*(table[column] for column in SCORE_COLUMNS), strict=True):
        if metric != statistic.metric:
            continue
        if trial in scores:
            raise RecordError(
                f"{entry.path('score', name)} of {entry.side.name} scores {trial} twice by "
                f"{metric}. Run its stage again there: `dvc repro -s -f STAGE`."
            )
        scores[trial] = distance_of(float(score), statistic.higher_is_closer)
    return scores


def _list_recipes(trials: Mapping[str, list[Any]]) -> dict[str, SharedRecipe]:
    rows = zip(*(trials[column] for column in TRIAL_COLUMNS), strict=True)
    return {
        trial: SharedRecipe(
            prompt=prompt,
            seed=seed,
            rng=rng,
            batch_index=batch_index,
            is_blind=not parent and not variations,
        )
        for trial, parent, variations, prompt, seed, rng, batch_index in rows
    }


def _cite_recipes(entry: CaseEntry) -> dict[str, SharedRecipe]:
    return {
        cited.trial: SharedRecipe(
            prompt=cited.recipe.prompt,
            seed=cited.recipe.seed,
            rng=cited.recipe.rng,
            batch_index=cited.recipe.batch_index,
            is_blind=False,  # it is cited because it is close
        )
        for cited in entry.case.cited
    }


def _cite_distances(entry: CaseEntry) -> dict[str, float]:
    statistic = entry.case.memorised.statistic
    return {
        cited.trial: distance_of(score.score, score.higher_is_closer)
        for cited in entry.case.cited
        for score in cited.scores
        if score.metric == statistic.metric
    }


def _list_images(entry: CaseEntry, kind: str, below: str) -> dict[str, str]:
    """The images by recipe: those that the stage ``score`` kept, else those of the report."""
    report = f"reports/{entry.target}/images/{entry.case.checkpoint}"
    for folder in (entry.path("score", kind), f"{report}/{below}".rstrip("/")):
        names = [name for name in entry.side.files.list_names(folder) if name.endswith(".png")]
        if names:
            return {name.removesuffix(".png"): f"{folder}/{name}" for name in names}
    return {}
