"""Makes the ``Comparison`` of the sides, and chooses the images that the page shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from seedwitness.compare.cases import (
    describe_case,
    list_absences,
    list_renamings,
    match_cases,
    match_targets,
)
from seedwitness.compare.differences import find_differences
from seedwitness.compare.documents import (
    SCHEMA_VERSION,
    ComparedCase,
    Comparison,
    PairedDifference,
    SideRecord,
    Unpaired,
)
from seedwitness.compare.gallery import Gallery, load_gallery
from seedwitness.compare.image_grid import ImageGrid, limit_images, make_grid
from seedwitness.compare.paired import adjust_all, pair_sides
from seedwitness.compare.recipes import read_recipes
from seedwitness.compare.sides import Side


@dataclass(frozen=True)
class ComparedSides:
    """The comparison, and what the page shows besides: a grid of images a case, and the images."""

    document: Comparison
    grids: Sequence[ImageGrid]
    gallery: Gallery


def compare_sides(sides: Sequence[Side], max_images: int) -> ComparedSides:
    """Compare all sides by case, and each other one with the first by seed.

    ``max_images`` limits the images of the page, those of the targets included.
    """
    targets = match_targets(sides)
    cases = match_cases(sides, targets)
    described = [describe_case(case) for case in cases]
    pairs: list[PairedDifference | Unpaired] = []
    grids: list[ImageGrid] = []
    for case in cases:
        recipes = [read_recipes(entry) if entry else None for entry in case.entries]
        pairs += pair_sides(case.target, case.checkpoint, recipes)
        grids.append(make_grid(case.target, case.checkpoint, recipes))
    grids = _limit(grids, described, max_images - len(targets))
    gallery = load_gallery(sides, targets, cases, grids)
    document = Comparison(
        schema_version=SCHEMA_VERSION,
        version=version("seedwitness"),
        sides=[_describe_side(side) for side in sides],
        base=sides[0].name,
        cases=described,
        absences=list_absences(sides, targets),
        renamings=list_renamings(targets),
        differences=find_differences(sides, targets),
        paired=adjust_all([pair for pair in pairs if isinstance(pair, PairedDifference)]),
        unpaired=[pair for pair in pairs if isinstance(pair, Unpaired)],
        images=[grid.count() for grid in grids if grid.images],
        missing=[files for side in sides for files in side.list_missing()],
    )
    return ComparedSides(document, grids, gallery)


def _limit(
    grids: Sequence[ImageGrid], cases: Sequence[ComparedCase], limit: int
) -> list[ImageGrid]:
    """The grids within the limit of images; cases with differing findings get the first ones."""
    order = sorted(range(len(grids)), key=lambda number: not cases[number].differing)
    limited = limit_images([grids[number] for number in order], max(0, limit))
    return [grid for _, grid in sorted(zip(order, limited, strict=True), key=lambda item: item[0])]


def _describe_side(side: Side) -> SideRecord:
    cases = [len(side.cases(target)) for target in side.evidence]
    return SideRecord(
        name=side.name,
        kind=side.kind,
        place=side.place,
        targets=sum(map(bool, cases)),
        cases=sum(cases),
    )
