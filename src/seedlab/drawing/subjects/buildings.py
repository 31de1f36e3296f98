"""Buildings: castle, cottage and bridge."""

from __future__ import annotations

import math
import random
from itertools import pairwise

from seedlab.drawing.geometry import Point, Shape, box, circle, cos, curve, ellipse, sin
from seedlab.drawing.subjects.outlines import opening

PI = math.pi


def _battlement(x0: float, x1: float, top: float, foot: float, teeth: int) -> tuple[Point, ...]:
    """Wall whose upper edge has ``teeth`` merlons."""
    step, deep = (x1 - x0) / (2 * teeth - 1), 0.05
    edge: list[Point] = []
    for k in range(2 * teeth - 1):
        y = top + deep * (k % 2)
        edge += [(x0 + k * step, y), (x0 + (k + 1) * step, y)]
    return ((x0, foot), *edge, (x1, foot))


def castle(rng: random.Random) -> list[Shape]:
    """Wall with a gate between towers, with or without pointed roofs and a keep."""
    roofs = rng.choice(("all", "none", "tall"))
    keep = rng.random() < 0.6
    out: list[Shape] = []

    def tower(x: float, half: float, top: float, roofed: bool, foot: float = 1.0) -> None:
        if roofed:
            out.append(Shape(box(x - half, top, x + half, foot), "main", 0.08))
            out.append(Shape(box(x + 0.2 * half, top, x + half, foot), "main", -0.25))
            peak = top - half * rng.choice((1.7, 2.1))
            roof = ((x - half * 1.3, top + 0.01), (x, peak), (x + half * 1.3, top + 0.01))
            out.append(Shape(roof, "second"))
            out.append(Shape((roof[1], roof[2], (x + 0.2 * half, roof[2][1])), "second", -0.25))
        else:
            out.append(Shape(_battlement(x - half, x + half, top, foot, 3), "main", 0.08))
            out.append(Shape(box(x + 0.2 * half, top + 0.05, x + half, foot), "main", -0.25))
        out.append(Shape(box(x - 0.03, top + 0.09, x + 0.025, top + 0.19), "dark"))

    if keep:
        top = rng.uniform(0.3, 0.36)
        x = rng.choice((0.42, 0.5, 0.58))
        out.append(Shape(((x, 0.02), (x + 0.15, 0.065), (x, 0.11)), "accent"))
        out.append(Shape(((x, 0.01), (x, top)), "dark", 0.0, 0.022))
        tower(x, 0.13, top, roofs == "tall" or roofs == "all", 0.7)
    wall = rng.uniform(0.56, 0.66)
    out.append(Shape(_battlement(0.15, 0.85, wall, 1.0, rng.choice((5, 6, 7))), "main", -0.12))
    half = rng.uniform(0.1, 0.13)
    tops = (rng.uniform(0.36, 0.5), rng.uniform(0.36, 0.5))
    for x, top in zip((half + 0.05, 0.95 - half), tops, strict=True):
        tower(x, half, top, roofs == "all")
    gate = rng.uniform(0.09, 0.12)
    out.append(Shape(opening(0.5, gate + 0.035, 0.84, 1.0), "light", -0.1))
    out.append(Shape(opening(0.5, gate, 0.84, 1.0), "dark"))
    if not keep:
        x = half + 0.05
        out.insert(0, Shape(((x, 0.08), (x + 0.17, 0.13), (x, 0.18)), "accent"))
        out.insert(0, Shape(((x, 0.06), (x, 0.5)), "dark", 0.0, 0.022))
    else:
        out.append(Shape(box(0.5 - gate, 0.9, 0.5 + gate, 1.0), "accent", -0.2))
    return out


def cottage(rng: random.Random) -> list[Shape]:
    """Small house with a chimney: seen from the corner, from the long side, or thatched."""
    kind = rng.choice(("corner", "long", "thatch"))
    out: list[Shape] = []
    wall = rng.uniform(0.56, 0.64)
    peak = rng.uniform(0.25, 0.34)
    side = rng.choice((-1, 1))
    x = 0.5 + side * rng.uniform(0.14, 0.2) + (0.08 if kind == "corner" else 0.0)
    if rng.random() < 0.65:
        for k in range(3):
            puff = circle(x + 0.05 * k * (k - 0.5), peak - 0.14 - 0.04 * k, 0.035 + 0.016 * k)
            out.append(Shape(puff, "light", -0.08))
    out.append(Shape(box(x - 0.055, peak - 0.12, x + 0.055, 0.5), "accent", -0.2))
    if kind == "corner":
        split = rng.uniform(0.4, 0.5)
        mid = (0.1 + split) / 2
        out.append(Shape(box(split, wall, 0.92, 1.0), "main", -0.22))
        out.append(
            Shape(((0.1, 1.0), (0.1, wall), (mid, peak), (split, wall), (split, 1.0)), "main", 0.1)
        )
        out.append(
            Shape(
                (
                    (mid, peak - 0.03),
                    (0.86, peak - 0.03),
                    (0.98, wall + 0.04),
                    (split + 0.02, wall + 0.04),
                ),
                "second",
            )
        )
        out.append(
            Shape(
                ((0.04, wall + 0.06), (mid, peak), (split + 0.02, wall + 0.04)),
                "second",
                -0.3,
                0.05,
            )
        )
        door, windows = mid, [(split + 0.12), 0.8]
        out.append(Shape(circle(mid, (peak + wall) / 2 + 0.06, 0.045), "dark"))
    else:
        out.append(Shape(box(0.12, wall - 0.02, 0.88, 1.0), "main", 0.08))
        out.append(Shape(box(0.7, wall - 0.02, 0.88, 1.0), "main", -0.22))
        low = wall + 0.05
        if kind == "long":
            roof: tuple[Point, ...] = ((0.03, low), (0.18, peak), (0.82, peak), (0.97, low))
            facet: tuple[Point, ...] = ((0.66, peak), (0.82, peak), (0.97, low), (0.72, low))
        else:
            roof = curve(
                (
                    (0.03, low + 0.03),
                    (0.12, 0.4),
                    (0.3, peak),
                    (0.5, peak - 0.02),
                    (0.7, peak),
                    (0.88, 0.4),
                    (0.97, low + 0.03),
                    (0.75, low),
                    (0.5, low),
                    (0.25, low),
                ),
                closed=True,
                n=8,
            )
            facet = curve(
                ((0.64, peak), (0.74, peak + 0.03), (0.88, 0.4), (0.97, low + 0.03), (0.72, low)),
                closed=True,
                n=8,
            )
        out += [Shape(roof, "second"), Shape(facet, "second", -0.22)]
        if rng.random() < 0.5:
            out.append(
                Shape(
                    ((0.4, low - 0.02), (0.4, 0.46), (0.5, 0.36), (0.6, 0.46), (0.6, low - 0.02)),
                    "main",
                    0.15,
                )
            )
            out.append(Shape(box(0.455, 0.48, 0.545, 0.56), "dark"))
        door = rng.choice((0.3, 0.5, 0.72))
        windows = [w for w in (0.26, 0.5, 0.76) if abs(w - door) > 0.14]
    tall = 0.76
    if rng.random() < 0.5:
        out.append(Shape(opening(door, 0.07, tall + 0.06, 1.0), "accent"))
    else:
        out.append(Shape(box(door - 0.07, tall, door + 0.07, 1.0), "accent"))
    for w in windows:
        out.append(Shape(box(w - 0.07, 0.72, w + 0.07, 0.87), "light", 0.1))
        out.append(Shape(box(w - 0.045, 0.745, w + 0.045, 0.845), "dark"))
    return out


def bridge(rng: random.Random) -> list[Shape]:
    """Stone bridge of one to three arches, or a suspension bridge, over water."""
    out = [Shape(ellipse(0.5, 0.955, 0.5, 0.045), "second", 0.1)]
    if rng.random() < 0.4:
        height, deck = rng.uniform(0.12, 0.25), rng.uniform(0.66, 0.72)
        posts = rng.choice(((0.26, 0.74), (0.22, 0.78), (0.5,)))
        ends = (0.0, *posts, 1.0)
        for a, b in pairwise(ends):
            ya = deck if a == 0.0 else height
            yb = deck if b == 1.0 else height
            sag = deck - 0.06 if a > 0.0 and b < 1.0 else (ya + yb) / 2 + 0.12
            cable = curve(((a, ya), ((a + b) / 2, sag), (b, yb)))
            out.append(Shape(cable, "dark", 0.0, 0.028))
            for t in (0.25, 0.5, 0.75):
                x, y = cable[round(t * (len(cable) - 1))]
                if y < deck - 0.08:
                    out.append(Shape(((x, y), (x, deck)), "dark", 0.2, 0.02))
        for x in posts:
            out.append(Shape(box(x - 0.045, height - 0.03, x + 0.01, 0.97), "main", 0.05))
            out.append(Shape(box(x + 0.01, height - 0.03, x + 0.045, 0.97), "main", -0.3))
            out.append(Shape(box(x - 0.065, height - 0.06, x + 0.065, height - 0.01), "accent"))
        out.append(Shape(box(0.0, deck - 0.01, 1.0, deck + 0.06), "main", -0.1))
        out.append(Shape(box(0.0, deck - 0.025, 1.0, deck + 0.005), "light"))
        return out
    arches = rng.choice((1, 2, 3))
    hump = rng.choice((0.0, 0.1, 0.2))
    top = rng.uniform(0.45, 0.52) + hump / 2

    def road(x: float) -> float:
        return top + 0.14 - hump * 4 * x * (1 - x)

    steps = [k / 16 for k in range(17)]
    for shift, shade in ((0.045, -0.45), (0.0, 0.0)):
        lower: list[Point] = [(0.0, 0.97)]
        span = (1.0 - 0.08 * (arches + 1)) / arches
        for k in range(arches):
            x0 = 0.08 + k * (span + 0.08)
            mid, r = x0 + span / 2, span / 2
            crown = min(0.97 - road(mid) - 0.12, 0.38)
            lower += [
                (mid - (r - shift) * cos(PI * j / 14), 0.97 - (crown - shift) * sin(PI * j / 14))
                for j in range(15)
            ]
        wall = (*((x, road(x)) for x in steps), (1.0, 0.97), *reversed(lower))
        out.append(Shape(wall, "main", shade))
    out.append(
        Shape(
            (
                *((x, road(x) - 0.06) for x in steps),
                *((x, road(x) + 0.03) for x in reversed(steps)),
            ),
            "main",
            0.3,
        )
    )
    lamps = rng.choice((0, 2, 3))
    for k in range(lamps):
        x = 0.5 + (k - (lamps - 1) / 2) * (0.6 / lamps + 0.1)
        out.append(Shape(((x, road(x) - 0.05), (x, road(x) - 0.22)), "dark", 0.0, 0.026))
        out.append(Shape(circle(x, road(x) - 0.24, 0.042), "accent", 0.2))
    out.append(Shape(curve(((0.2, 0.965), (0.35, 0.955), (0.5, 0.965))), "light", 0.0, 0.022))
    out.append(Shape(curve(((0.6, 0.98), (0.7, 0.97), (0.82, 0.98))), "light", 0.0, 0.022))
    return out
