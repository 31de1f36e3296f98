"""Shapes of a drawing: closed polygons and open lines in the unit square, with y downwards.

C libraries differ in the last bit of sine and cosine, and a picture must be the same on every
machine. So sine and cosine are rounded to nine digits, and all else is basic arithmetic, which IEEE
754 defines exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Point = tuple[float, float]
Role = Literal["sky", "haze", "ground", "main", "second", "accent", "light", "dark"]


@dataclass(frozen=True)
class Shape:
    """A polygon (``width`` 0) or an open stroke (``width`` as a fraction of the picture's side).

    ``role`` names its colour in the palette. ``shade`` darkens (-1) or lightens (+1) the colour.
    """

    points: tuple[Point, ...]
    role: Role
    shade: float = 0.0
    width: float = 0.0


def cos(angle: float) -> float:
    """Cosine to nine digits."""
    return round(math.cos(angle), 9)


def sin(angle: float) -> float:
    """Sine to nine digits."""
    return round(math.sin(angle), 9)


def ellipse(
    cx: float, cy: float, rx: float, ry: float, turn: float = 0.0, n: int = 36
) -> tuple[Point, ...]:
    """Closed ellipse with half axes ``rx``, ``ry``, rotated by ``turn`` radians."""
    ct, st = cos(turn), sin(turn)
    around = ((rx * cos(2 * math.pi * k / n), ry * sin(2 * math.pi * k / n)) for k in range(n))
    return tuple((cx + x * ct - y * st, cy + x * st + y * ct) for x, y in around)


def circle(cx: float, cy: float, r: float, n: int = 36) -> tuple[Point, ...]:
    """Circle of radius ``r`` as a polygon of ``n`` corners."""
    return ellipse(cx, cy, r, r, n=n)


def box(x0: float, y0: float, x1: float, y1: float) -> tuple[Point, ...]:
    """Upright rectangle between two corners."""
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def sector(
    cx: float, cy: float, r: float, start: float, stop: float, n: int = 18
) -> tuple[Point, ...]:
    """Sector of a disc from angle ``start`` to ``stop`` (radians, 0 = right, clockwise)."""
    angles = (start + (stop - start) * k / (n - 1) for k in range(n))
    return ((cx, cy), *((cx + r * cos(a), cy + r * sin(a)) for a in angles))


def curve(points: Sequence[Point], closed: bool = False, n: int = 8) -> tuple[Point, ...]:
    """Catmull-Rom spline through ``points``, with ``n`` steps between two points."""
    p = list(points)
    m = len(p)
    out: list[Point] = []
    for i in range(m if closed else m - 1):
        a, b, c, d = (
            (p[(i + k) % m] if closed else p[min(max(i + k, 0), m - 1)]) for k in (-1, 0, 1, 2)
        )
        for s in range(n):
            t = s / n
            w = (
                -0.5 * t + t * t - 0.5 * t * t * t,
                1 - 2.5 * t * t + 1.5 * t * t * t,
                0.5 * t + 2 * t * t - 1.5 * t * t * t,
                -0.5 * t * t + 0.5 * t * t * t,
            )
            out.append(
                (
                    w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0],
                    w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1],
                )
            )
    return tuple(out) if closed else (*out, p[-1])


def place_shapes(
    shapes: Sequence[Shape], x: float, y: float, scale: float, flip: bool = False, lean: float = 0.0
) -> list[Shape]:
    """Move shapes so that the foot (0.5, 1) of their unit square is at (``x``, ``y``).

    ``scale`` is the new side of the unit square. ``flip`` mirrors it, ``lean`` shears it sideways.
    """

    def move(px: float, py: float) -> Point:
        u = (0.5 - px if flip else px - 0.5) + lean * (1.0 - py)
        return (x + scale * u, y + scale * (py - 1.0))

    return [
        replace(s, points=tuple(move(*p) for p in s.points), width=s.width * scale) for s in shapes
    ]
