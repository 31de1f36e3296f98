"""Outlines that several subjects share: a tapering limb and an opening with a round head."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seedlab.drawing.geometry import Point, cos, curve, sin

STEPS = 8


def limb(points: Sequence[Point], widths: Sequence[float], flat: bool = False) -> tuple[Point, ...]:
    """Closed outline along a spline through ``points``; ``widths`` are half widths at them.

    The ends are round; with ``flat``, the first one is straight. IEEE 754 defines the rounding of
    square roots, so the outline is the same on all machines.
    """
    path = curve(points, n=STEPS)
    last = len(path) - 1
    left: list[Point] = []
    right: list[Point] = []
    caps: list[list[Point]] = []
    for j, (x, y) in enumerate(path):
        (ax, ay), (bx, by) = path[max(j - 1, 0)], path[min(j + 1, last)]
        dx, dy = bx - ax, by - ay
        length = math.sqrt(dx * dx + dy * dy) or 1.0
        dx, dy = dx / length, dy / length
        i = min(j // STEPS, len(widths) - 2)
        w = widths[i] + (widths[i + 1] - widths[i]) * (j - STEPS * i) / STEPS
        left.append((x - dy * w, y + dx * w))
        right.append((x + dy * w, y - dx * w))
        if j in (0, last):
            side = w if j else -w
            arc = (math.pi * k / 6 for k in range(1, 6))
            caps.append(
                [
                    (
                        x - dy * w * cos(a) + dx * side * sin(a),
                        y + dx * w * cos(a) + dy * side * sin(a),
                    )
                    for a in arc
                ]
            )
    start = [] if flat else caps[0][::-1]
    return (*left, *caps[1], *reversed(right), *start)


def opening(x: float, half: float, spring: float, foot: float) -> tuple[Point, ...]:
    """Door or window with a semicircular head above the height ``spring``."""
    head = (math.pi + math.pi * k / 12 for k in range(13))
    return (
        *((x + half * cos(a), spring + half * sin(a)) for a in head),
        (x + half, foot),
        (x - half, foot),
    )
