"""Which images are shown within a limit."""

from __future__ import annotations

from seedwitness.compare.image_grid import GridCell, GridRow, ImageGrid, limit_images


def make_grid(name: str, rows: int, sides: int = 2) -> ImageGrid:
    """A grid whose rows become farther, and whose seeds run the other way."""
    made = tuple(
        GridRow(
            trial=f"{name}-{k}",
            seed=rows - k,
            prompt="a prompt",
            cells=tuple(GridCell(f"{name}/{k}/{side}.png", float(k)) for side in range(sides)),
        )
        for k in range(rows)
    )
    return ImageGrid(name, None, made, rows * sides)


def trials(grid: ImageGrid) -> list[str]:
    return [row.trial for row in grid.rows]


def test_all_are_shown_below_the_limit_in_the_order_of_seeds() -> None:
    (grid,) = limit_images([make_grid("owl", 3)], 6)
    assert trials(grid) == ["owl-2", "owl-1", "owl-0"]
    assert (grid.count().images, grid.count().shown) == (6, 6)


def test_every_grid_gets_its_closest_row_first() -> None:
    grids = [make_grid("owl", 5), make_grid("heron", 5), make_grid("flat", 1)]
    limited = limit_images(grids, 8)
    assert [trials(grid) for grid in limited] == [["owl-1", "owl-0"], ["heron-0"], ["flat-0"]]
    assert [grid.count().images for grid in limited] == [10, 10, 2]


def test_a_row_is_shown_whole_or_not() -> None:
    assert [grid.rows for grid in limit_images([make_grid("owl", 2, sides=10)], 9)] == [()]


def test_nothing_is_shown_within_no_limit() -> None:
    assert limit_images([make_grid("owl", 2)], 0)[0].count().shown == 0
    assert limit_images([], 10) == []
