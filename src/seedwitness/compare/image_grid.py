"""Which images of shared recipes the page shows: the closest of every case, within a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seedwitness.compare.documents import ImageCount
from seedwitness.compare.recipes import CaseRecipes, collect_images


@dataclass(frozen=True)
class GridCell:
    """The image of a recipe on one side: its path there, and its distance where that is known."""

    path: str
    distance: float | None


@dataclass(frozen=True)
class GridRow:
    """The images of one recipe, one a side; None where that side has none."""

    trial: str
    seed: int
    prompt: str
    cells: tuple[GridCell | None, ...]

    @property
    def size(self) -> int:
        """The number of images."""
        return sum(cell is not None for cell in self.cells)

    @property
    def closest(self) -> float:
        """The least distance on any side; infinite where none is known."""
        known = [cell.distance for cell in self.cells if cell and cell.distance is not None]
        return min(known, default=float("inf"))


@dataclass(frozen=True)
class ImageGrid:
    """The recipes of a case that have an image on two sides at least, the closest first."""

    target: str
    checkpoint: str | None
    rows: tuple[GridRow, ...]
    images: int
    """The images of all such recipes, also of those that were left out."""

    def count(self) -> ImageCount:
        """How many images there are, and are shown."""
        return ImageCount(
            target=self.target,
            checkpoint=self.checkpoint,
            images=self.images,
            shown=sum(row.size for row in self.rows),
        )


def make_grid(
    target: str, checkpoint: str | None, sides: Sequence[CaseRecipes | None]
) -> ImageGrid:
    """All shared recipes of a case that have images on two sides or more."""
    present = [side for side in sides if side is not None]
    images = [collect_images(side, present) if side else {} for side in sides]
    recipes = {
        trial: recipe for side in reversed(present) for trial, recipe in side.recipes.items()
    }
    distances = [_collect_known_distances(side, present) if side else {} for side in sides]
    rows = [
        GridRow(
            trial=trial,
            seed=recipes[trial].seed,
            prompt=recipes[trial].prompt,
            cells=tuple(
                GridCell(own[trial], known.get(trial)) if trial in own else None
                for own, known in zip(images, distances, strict=True)
            ),
        )
        for trial in dict.fromkeys(trial for own in images for trial in own)
        if trial in recipes and sum(trial in own for own in images) > 1
    ]
    rows.sort(key=lambda row: (row.closest, row.seed, row.trial))
    return ImageGrid(target, checkpoint, tuple(rows), sum(row.size for row in rows))


def limit_images(grids: Sequence[ImageGrid], limit: int) -> list[ImageGrid]:
    """The grids with at most ``limit`` images in all, their rows in the order of seeds.

    Every grid gets its closest row before one gets a second; earlier grids come first.
    """
    shown: list[list[GridRow]] = [[] for _ in grids]
    left = limit
    for rank in range(max((len(grid.rows) for grid in grids), default=0)):
        for rows, grid in zip(shown, grids, strict=True):
            if rank < len(grid.rows) and grid.rows[rank].size <= left:
                rows.append(grid.rows[rank])
                left -= grid.rows[rank].size
    return [
        replace(grid, rows=tuple(sorted(rows, key=lambda row: (row.seed, row.prompt, row.trial))))
        for grid, rows in zip(grids, shown, strict=True)
    ]


def _collect_known_distances(case: CaseRecipes, others: Sequence[CaseRecipes]) -> dict[str, float]:
    """The distances of all recipes on one side, also of those that results have chosen."""
    known = [other.replayed for other in others if other.reference == case.entry.case.checkpoint]
    return {
        trial: distance for each in [*known, case.distances] for trial, distance in each.items()
    }
