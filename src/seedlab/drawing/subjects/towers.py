"""Towers: lighthouse and windmill."""

from __future__ import annotations

import math
import random

from seedlab.drawing.geometry import Point, Role, Shape, box, circle, cos, curve, sector, sin
from seedlab.drawing.subjects.outlines import opening

PI = math.pi


def lighthouse(rng: random.Random) -> list[Shape]:
    """Tapering tower with bands, a gallery, a lamp and its beams on a rock."""
    top = rng.choice((0.29, 0.36, 0.44))
    foot_half = rng.uniform(0.14, 0.2)
    top_half = foot_half * rng.uniform(0.55, 0.75)
    bands = rng.choice((1, 3, 5))
    slope = rng.choice((0.0, 0.0, 0.07)) if bands > 1 else 0.0
    lamp_half, lamp_top = top_half * 0.72, top - 0.13
    out: list[Shape] = []
    beams = rng.choice(("both", "left", "right", "none"))
    for side, name in ((-1, "left"), (1, "right")):
        if beams in ("both", name):
            y = lamp_top + 0.065
            far = 0.5 + side * 0.5
            out.append(Shape(((0.5, y), (far, y - 0.12), (far, y + 0.1)), "accent", 0.45))
    house = rng.choice((-1, 0, 1))
    if house:
        x = 0.5 + house * 0.27
        out.append(Shape(box(x - 0.15, 0.74, x + 0.15, 0.94), "light", -0.1))
        roof = ((x - 0.18, 0.75), (x - 0.1, 0.61), (x + 0.1, 0.61), (x + 0.18, 0.75))
        out.append(Shape(roof, "second"))
        x += house * 0.05
        out.append(Shape(box(x - 0.035, 0.8, x + 0.035, 0.88), "dark"))
    rise = 0.94 - top

    def half(y: float) -> float:
        return top_half + (foot_half - top_half) * (y - top) / rise

    for k in range(bands):
        role: Role = "light" if k % 2 else "main"
        y0, y1 = top + rise * k / bands, top + rise * (k + 1) / bands
        l0, l1 = y0 + slope * (k > 0), y1 + slope * (k < bands - 1)
        r0, r1 = y0 - slope * (k > 0), y1 - slope * (k < bands - 1)
        m = 0.15
        left = ((0.5 - half(l0), l0), (0.5 + m * half(y0), y0 - slope * m * (k > 0)))
        low = ((0.5 + m * half(y1), y1 - slope * m * (k < bands - 1)), (0.5 - half(l1), l1))
        out.append(Shape((*left, *low), role, 0.08))
        right = ((0.5 + half(r0), r0), (0.5 + half(r1), r1))
        out.append(Shape((left[1], *right, low[0]), role, -0.25))
    if bands < 5:
        for k in range(rng.randrange(1, 4)):
            y = top + 0.09 + 0.16 * k
            out.append(Shape(opening(0.48, 0.032, y, y + 0.05), "dark"))
    gallery = top_half * 1.5
    out.append(Shape(box(0.5 - lamp_half, lamp_top, 0.5 + lamp_half, top), "accent", 0.2))
    out.append(Shape(box(0.5, lamp_top, 0.5 + lamp_half, top), "accent", -0.1))
    out.append(Shape(box(0.5 - gallery, top - 0.02, 0.5 + gallery, top + 0.03), "dark"))
    cap = lamp_half * 1.4
    if rng.random() < 0.5:
        high = lamp_top - rng.uniform(0.1, 0.16)
        peaked = ((0.5 - cap, lamp_top), (0.5, high), (0.5 + cap, lamp_top))
        out.append(Shape(peaked, "second"))
    else:
        out.append(Shape(sector(0.5, lamp_top, cap, PI, 2 * PI), "second"))
        out.append(Shape(circle(0.5, lamp_top - cap, 0.028), "second", -0.2))
    rock = (
        (0.12, 1.0),
        (0.18, 0.93),
        (0.32, 0.89),
        (0.5, 0.92),
        (0.68, 0.88),
        (0.84, 0.94),
        (0.9, 1.0),
    )
    out.append(Shape(curve(rock, n=4), "dark", 0.2))
    return out


def windmill(rng: random.Random) -> list[Shape]:
    """Tower mill or post mill with four or six sails."""
    out: list[Shape] = []
    hub = 0.37
    post = rng.random() < 0.35
    if not post:
        foot, neck = rng.uniform(0.2, 0.28), rng.uniform(0.11, 0.15)
        left = (
            (0.5 - foot, 1.0),
            (0.5 - neck, 0.38),
            (0.5 + 0.3 * neck, 0.38),
            (0.5 + 0.3 * foot, 1.0),
        )
        right = (left[2], (0.5 + neck, 0.38), (0.5 + foot, 1.0), left[3])
        out += [Shape(left, "main"), Shape(right, "main", -0.25)]
        if rng.random() < 0.5:
            wide = foot + 0.05
            out.append(Shape(box(0.5 - wide, 0.74, 0.5 + wide, 0.78), "dark"))
        if rng.random() < 0.5:
            out.append(Shape(sector(0.5, 0.39, neck * 1.2, PI, 2 * PI), "second"))
        else:
            edge = neck * 1.25
            out.append(Shape(((0.5 - edge, 0.39), (0.5, 0.2), (0.5 + edge, 0.39)), "second"))
    else:
        out.append(
            Shape(
                (
                    (0.45, 0.7),
                    (0.55, 0.7),
                    (0.74, 1.0),
                    (0.64, 1.0),
                    (0.5, 0.78),
                    (0.36, 1.0),
                    (0.26, 1.0),
                ),
                "dark",
                0.15,
            )
        )
        out.append(Shape(box(0.29, 0.36, 0.56, 0.76), "main"))
        out.append(Shape(box(0.56, 0.36, 0.71, 0.76), "main", -0.25))
        out.append(Shape(((0.26, 0.38), (0.5, 0.17), (0.74, 0.38)), "second"))
    if post:
        out.append(Shape(box(0.36, 0.6, 0.45, 0.69), "dark"))
    elif rng.random() < 0.6:
        out.append(Shape(opening(0.47, 0.06, 0.88, 1.0), "dark"))
    else:
        out.append(Shape(box(0.42, 0.62, 0.5, 0.7), "dark"))
    sails = rng.choice((4, 4, 6))
    turn = rng.uniform(0.1, 0.8)
    reach, wide = rng.uniform(0.31, 0.35), rng.choice((0.07, 0.1, 0.13))
    wide = min(wide, 0.1) if sails == 6 else wide
    two_sided = rng.random() < 0.4 and sails == 4
    for k in range(sails):
        a = turn + 2 * PI * k / sails
        c, s = cos(a), sin(a)

        def at(along: float, across: float, c: float = c, s: float = s) -> Point:
            return (0.5 + along * c - across * s, hub + along * s + across * c)

        low = -0.6 * wide if two_sided else 0.0
        high = 0.6 * wide if two_sided else wide
        blade = (at(0.12, low), at(reach, low), at(reach, high), at(0.12, high * 0.8))
        out.append(Shape(blade, "light" if k % 2 == 0 else "accent", 0.05))
        out.append(Shape((at(0.0, 0.0), at(reach + 0.01, 0.0)), "dark", 0.0, 0.026))
    out.append(Shape(circle(0.5, hub, 0.045), "dark"))
    return out
