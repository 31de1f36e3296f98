"""Paired comparison by seed: the same recipes on two sides, with the noise of the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seedwitness.compare.documents import Obstacle, PairedDifference, Unpaired
from seedwitness.compare.recipes import CaseRecipes, SharedRecipe, collect_distances
from seedwitness.statistics.paired_differences import summarise_differences
from seedwitness.statistics.ranks import holm_adjust
from seedwitness.statistics.rates import estimate_rate


@dataclass(frozen=True)
class SeedDifferences:
    """The difference of each seed, and its stratum: the prompts of its recipes."""

    recipes: int
    values: list[float] = field(default_factory=list)
    strata: list[str] = field(default_factory=list)


def pair_sides(
    target: str, checkpoint: str | None, sides: Sequence[CaseRecipes | None]
) -> list[PairedDifference | Unpaired]:
    """The first side of a case paired with each other one; p is not adjusted yet.

    A side that does not have the case is left out, and where the first one does not have it, there
    is no pair.
    """
    base = sides[0]
    if base is None:
        return []
    others = [side for side in sides[1:] if side is not None]
    return [_pair(target, checkpoint, base, other) for other in others]


def adjust_all(pairs: Sequence[PairedDifference]) -> list[PairedDifference]:
    """The pairs with p adjusted by Holm over all of them."""
    adjusted = holm_adjust([pair.p for pair in pairs])
    return [pair.model_copy(update={"p_holm": p}) for pair, p in zip(pairs, adjusted, strict=True)]


def subtract_by_seed(
    base: Mapping[str, float], other: Mapping[str, float], recipes: Mapping[str, SharedRecipe]
) -> SeedDifferences:
    """Distances of ``base`` minus those of ``other`` by recipe, averaged over each seed's recipes.

    Recipes of one seed have the same noise, so they are no independent pairs.
    """
    shared = [trial for trial in base if trial in other]
    differences = SeedDifferences(len(shared))
    seeds: dict[tuple[int, str, int], list[str]] = {}
    for trial in sorted(shared, key=lambda trial: (recipes[trial].noise, trial)):
        seeds.setdefault(recipes[trial].noise, []).append(trial)
    for trials in seeds.values():
        differences.values.append(sum(base[each] - other[each] for each in trials) / len(trials))
        differences.strata.append("\0".join(sorted({recipes[each].prompt for each in trials})))
    return differences


def _pair(
    target: str, checkpoint: str | None, base: CaseRecipes, other: CaseRecipes
) -> PairedDifference | Unpaired:
    differences = subtract_by_seed(
        collect_distances(base, [other]),
        collect_distances(other, [base]),
        {**other.recipes, **base.recipes},
    )
    obstacle = _find_obstacle(base, other, differences)
    base_name, other_name = base.entry.side.name, other.entry.side.name
    if obstacle:
        return Unpaired(
            target=target,
            checkpoint=checkpoint,
            base=base_name,
            other=other_name,
            obstacle=obstacle,
            shared=differences.recipes,
        )
    statistic = base.entry.case.memorised.statistic
    summary = summarise_differences(differences.values, differences.strata)
    decided = summary.n - summary.ties
    return PairedDifference(
        target=target,
        checkpoint=checkpoint,
        base=base_name,
        other=other_name,
        metric=statistic.metric,
        label=statistic.label,
        recipes=differences.recipes,
        other_closer=estimate_rate(summary.positive, decided, "seeds-closer") if decided else None,
        p_holm=summary.p,
        **summary.model_dump(),
    )


def _find_obstacle(
    base: CaseRecipes, other: CaseRecipes, differences: SeedDifferences
) -> Obstacle | None:
    """Why two sides of a case cannot be paired; None where they can."""
    if not (base.is_complete and other.is_complete):
        return "files-missing"
    if _describe_measure(base) != _describe_measure(other):
        return "other-measure"
    pixels = [side.entry.evidence.target.pixels_sha256 for side in (base, other)]
    if pixels[0] != pixels[1]:
        return "other-pixels"
    if not differences.recipes:
        return "no-shared-recipe"
    return "single-seed" if len(differences.values) < 2 else None


def _describe_measure(side: CaseRecipes) -> tuple[object, ...]:
    """All that turns an image into a distance from the target: metric, weights, alignment, size."""
    statistic = side.entry.case.memorised.statistic
    return (
        statistic.metric,
        statistic.version,
        statistic.weights_sha256,
        side.entry.evidence.plan.alignments,
        side.entry.case.search.resize,
    )
