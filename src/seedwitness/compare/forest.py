"""A forest plot by rows: the mean of one pair and its interval, on the scale of all pairs."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from seedwitness.compare.documents import PairedDifference

WIDTH, HEIGHT = 220, 18
MARGIN = 6


def find_reach(pairs: Sequence[PairedDifference]) -> float:
    """How far from 0 the intervals of all pairs reach; 1 where all are 0."""
    return max((abs(limit) for pair in pairs for limit in (pair.low, pair.high)), default=0) or 1.0


def draw_interval(pair: PairedDifference, reach: float) -> Markup:
    """The interval as a line, the mean as a square and the median as a bar; 0 is in the middle."""
    low, high, mean, median = (
        _place(value, reach) for value in (pair.low, pair.high, pair.mean, pair.median)
    )
    middle = HEIGHT / 2
    return Markup(
        '<svg class="forest" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">'
        '<path class="zero" d="M{} 0V{}"/><path class="reach" d="M{} {}H{}"/>'
        '<path class="median" d="M{} 3V{}"/><rect class="mean" x="{}" y="{}" width="6" height="6"/>'
        "</svg>"
    ).format(
        *(WIDTH, HEIGHT, WIDTH // 2, HEIGHT, low, middle, high),
        *(median, HEIGHT - 3, round(mean - 3, 1), middle - 3),
    )


def _place(value: float, reach: float) -> float:
    """Where a difference lies across the plot."""
    inside = min(1.0, max(-1.0, value / reach))
    return round(WIDTH / 2 + inside * (WIDTH / 2 - MARGIN), 1)
