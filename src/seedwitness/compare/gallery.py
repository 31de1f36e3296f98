"""The images of the page, read and scaled down; no file is embedded twice in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from seedwitness.compare.cases import MatchedCase, MatchedTarget
from seedwitness.compare.image_grid import GridCell, GridRow, ImageGrid
from seedwitness.compare.sides import Side
from seedwitness.compare.thumbnails import Thumbnail, make_thumbnail
from seedwitness.statistics.distances import score_of

RowKey = tuple[str, str | None, str]
"""A row of a grid: its target, checkpoint and recipe."""


@dataclass(frozen=True)
class ShownImage:
    """An image in a grid; without a thumbnail its file is that of ``same_as``, or is missing."""

    thumbnail: Thumbnail | None
    same_as: str | None
    score: float | None


@dataclass(frozen=True)
class Gallery:
    """The image of each target, and those of each row of the grids, one a side."""

    targets: dict[str, Thumbnail]
    rows: dict[RowKey, list[ShownImage | None]]


def load_gallery(
    sides: Sequence[Side],
    targets: Sequence[MatchedTarget],
    cases: Sequence[MatchedCase],
    grids: Sequence[ImageGrid],
) -> Gallery:
    """Read and scale all images that ``grids`` name. Raises PictureError if one is damaged."""
    return Gallery(
        targets={
            target.name: thumbnail
            for target in targets
            if (thumbnail := _load_target(sides, target)) is not None
        },
        rows={
            (grid.target, grid.checkpoint, row.trial): _load_row(row, sides, case)
            for grid, case in zip(grids, cases, strict=True)
            for row in grid.rows
        },
    )


def _load_target(sides: Sequence[Side], target: MatchedTarget) -> Thumbnail | None:
    """The image of a target on the first side where it can be read."""
    for side, name in zip(sides, target.names, strict=True):
        content = side.read(f"reports/{name}/{side.evidence[name].image}") if name else None
        if content:
            return make_thumbnail(content, f"the target {target.name}")
    return None


def _load_row(row: GridRow, sides: Sequence[Side], case: MatchedCase) -> list[ShownImage | None]:
    owners: dict[str, str] = {}
    shown: list[ShownImage | None] = []
    for cell, side, entry in zip(row.cells, sides, case.entries, strict=True):
        if cell is None or entry is None:
            shown.append(None)
            continue
        score = _score(cell, higher_is_closer=entry.case.memorised.statistic.higher_is_closer)
        content = side.read(cell.path)
        if content is None:
            shown.append(ShownImage(None, None, score))
            continue
        owner = owners.setdefault(sha256(content).hexdigest(), side.name)
        if owner == side.name:
            thumbnail = make_thumbnail(content, f"{cell.path} of {side.name}")
            shown.append(ShownImage(thumbnail, None, score))
        else:
            shown.append(ShownImage(None, owner, score))
    return shown


def _score(cell: GridCell, *, higher_is_closer: bool) -> float | None:
    return None if cell.distance is None else score_of(cell.distance, higher_is_closer)
