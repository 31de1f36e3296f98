"""Forest plants: tree and mushroom."""

from __future__ import annotations

import math
import random

from seedlab.drawing.geometry import Point, Shape, box, circle, cos, curve, ellipse, sin
from seedlab.drawing.subjects.outlines import limb

PI = math.pi


def tree(rng: random.Random) -> list[Shape]:
    """Round-headed tree, fir or poplar, with or without fruit."""
    kind = rng.choice(("round", "round", "fir", "poplar"))
    out: list[Shape] = []
    if kind == "fir":
        tiers, wide = rng.choice((3, 4)), rng.uniform(0.3, 0.4)
        out.append(Shape(box(0.45, 0.8, 0.55, 1.0), "second", -0.2))
        for k in range(tiers):
            half = wide * (1 - 0.62 * k / (tiers - 1))
            low = 0.88 - 0.6 * k / tiers
            high = low - 0.68 / tiers - 0.16
            skirt = curve(((0.5 - half, low), (0.5, low + 0.05), (0.5 + half, low)), n=8)
            out.append(Shape((*skirt, (0.5, high)), "main", -0.1 + 0.07 * k))
            out.append(
                Shape(
                    ((0.5, high), (0.5 + half, low), (0.5 + 0.15 * half, low + 0.05)),
                    "main",
                    -0.35 + 0.07 * k,
                )
            )
        top = 0.88 - 0.6 * (tiers - 1) / tiers - 0.68 / tiers - 0.16
        if rng.random() < 0.5:
            for k in range(2 * tiers):
                y = 0.82 - 0.6 * (k // 2) / tiers
                x = 0.5 + (0.45 if k % 2 else -0.4) * wide * (1 - 0.62 * (k // 2) / (tiers - 1))
                out.append(Shape(circle(x, y, 0.032), "accent"))
        else:
            out.append(Shape(circle(0.5, top + 0.01, 0.04), "accent", 0.1))
        return out
    if kind == "poplar":
        lean = rng.uniform(-0.05, 0.05)
        half = rng.uniform(0.15, 0.22)
        out.append(Shape(limb(((0.5, 1.0), (0.5, 0.6)), (0.05, 0.03), True), "second", -0.2))

        def leaf(a: float, b: float) -> tuple[Point, ...]:
            return curve(
                (
                    (0.5 + lean, 0.04),
                    (0.5 + b * 0.75, 0.3),
                    (0.5 + b, 0.6),
                    (0.5 + b * 0.6, 0.83),
                    (0.5, 0.88),
                    (0.5 + a * 0.6, 0.83),
                    (0.5 + a, 0.6),
                    (0.5 + a * 0.75, 0.3),
                ),
                closed=True,
                n=8,
            )

        out += [Shape(leaf(-half, half), "main", -0.28), Shape(leaf(-half, half * 0.35), "main")]
        fruit = rng.random() < 0.5
        for k in range(rng.randrange(3, 5)):
            y = 0.26 + 0.13 * k
            x = 0.5 + (0.4 if k % 2 else -0.45) * half
            out.append(Shape(ellipse(x, y, 0.035, 0.06, 0.4), "accent" if fruit else "main", 0.2))
        return out
    fork = rng.random() < 0.5
    base = rng.uniform(0.05, 0.075)
    bend = rng.uniform(-0.06, 0.06)
    out.append(
        Shape(
            limb(((0.5, 1.0), (0.5 + bend, 0.75), (0.5, 0.45)), (base, base * 0.7, 0.04), True),
            "second",
            -0.1,
        )
    )
    if fork:
        out.append(Shape(limb(((0.5 + bend, 0.76), (0.3, 0.55)), (0.04, 0.025)), "second", -0.1))
        out.append(Shape(limb(((0.5 + bend, 0.76), (0.7, 0.55)), (0.04, 0.025)), "second", -0.3))
    lobes = rng.choice((3, 5, 6))
    spread = rng.uniform(0.2, 0.25)
    centre = 0.36
    r = 0.2 if lobes == 3 else 0.165
    for k in range(lobes):
        a = PI * 0.83 + 2 * PI * k / lobes
        x, y = 0.5 + spread * cos(a), centre + 0.75 * spread * sin(a)
        shade = -0.3 if x > 0.56 and y > 0.3 else -0.12
        out.append(Shape(circle(x, y, r), "main", shade))
    out.append(Shape(circle(0.46, centre - 0.04, 0.2), "main", 0.05))
    out.append(Shape(circle(0.4, centre - 0.1, 0.11), "main", 0.25))
    if rng.random() < 0.6:
        spots = ((0.3, 0.42), (0.46, 0.5), (0.64, 0.44), (0.72, 0.28), (0.52, 0.3), (0.42, 0.14))
        for x, y in rng.sample(spots, rng.randrange(4, 7)):
            out.append(Shape(circle(x, y, 0.038), "accent"))
    return out


def mushroom(rng: random.Random) -> list[Shape]:
    """Mushroom with a dome, bell or broad cap, often beside a small one."""
    out: list[Shape] = []

    def one(x: float, foot: float, size: float, kind: str, spots: int) -> None:
        wide = {"dome": 0.42, "bell": 0.3, "broad": 0.48}[kind] * size
        tall = {"dome": 0.44, "bell": 0.56, "broad": 0.26}[kind] * size
        rim = foot - (0.62 if kind == "broad" else 0.46) * size
        stem = {"dome": 0.11, "bell": 0.08, "broad": 0.09}[kind] * size * thick
        column = ((x, foot), (x + 0.02, (foot + rim) / 2), (x, rim))
        out.append(Shape(limb(column, (stem * 1.35, stem, stem * 0.9), True), "light"))
        right = tuple((px + stem * 0.55, py) for px, py in column)
        out.append(Shape(limb(right, (stem * 0.75, stem * 0.45, stem * 0.4), True), "light", -0.22))
        if ring and size > 0.6:
            y = rim + 0.2 * size
            out.append(
                Shape(
                    (
                        (x - stem, y - 0.02),
                        (x + stem, y - 0.02),
                        (x + stem * 1.7, y + 0.05),
                        (x - stem * 1.5, y + 0.05),
                    ),
                    "second",
                    0.1,
                )
            )
        out.append(Shape(ellipse(x, rim, wide * 0.94, 0.07 * size), "second", -0.15))
        if kind == "bell":
            edge: tuple[Point, ...] = curve(
                (
                    (x - wide, rim + 0.02),
                    (x - wide * 0.75, rim - tall * 0.45),
                    (x, rim - tall),
                    (x + wide * 0.75, rim - tall * 0.45),
                    (x + wide, rim + 0.02),
                ),
                n=8,
            )
        else:
            edge = tuple(
                (x + wide * cos(PI + PI * k / 24), rim + tall * sin(PI + PI * k / 24))
                for k in range(25)
            )
        out.append(Shape(edge, "main"))
        dark = [(px, py) for px, py in edge if px > x + 0.5 * wide]
        inner = [(px - 0.22 * wide * (1 + (rim - py) / tall), py) for px, py in dark]
        out.append(Shape((*dark, *reversed(inner)), "main", -0.25))
        places = (
            (-0.1, 0.58, 0.1),
            (-0.56, 0.28, 0.08),
            (0.38, 0.33, 0.085),
            (-0.32, 0.78, 0.055),
            (0.3, 0.72, 0.06),
            (-0.02, 0.2, 0.06),
        )
        for u, v, r in places[:spots]:
            squeeze = 0.75 if kind == "broad" else 1.0
            u, r = (u * 0.72, r * 0.7) if kind == "bell" else (u, r)
            spot = ellipse(x + u * wide, rim - v * tall, r * size, r * size * squeeze)
            out.append(Shape(spot, "accent", 0.15))

    thick = rng.choice((0.8, 1.1, 1.5))
    kind = rng.choice(("dome", "bell", "broad"))
    spots = rng.choice((0, 3, 5, 6))
    ring = rng.random() < 0.5
    side = rng.choice((-1, 0, 1))
    if side:
        one(
            0.5 + side * 0.32,
            0.99,
            rng.uniform(0.4, 0.5),
            rng.choice(("dome", "bell")),
            min(spots, 2),
        )
    one(0.5 - side * 0.08, 0.99, rng.uniform(0.85, 0.92) if side else 1.0, kind, spots)
    for k in range(3):
        x = 0.3 + 0.2 * k
        out.append(
            Shape(
                ((x - 0.03, 1.0), (x - 0.05, 0.92), (x, 0.97), (x + 0.03, 0.9), (x + 0.05, 1.0)),
                "dark",
                0.2,
            )
        )
    return out
