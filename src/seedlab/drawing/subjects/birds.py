"""Birds: owl and heron."""

from __future__ import annotations

import math
import random

from seedlab.drawing.geometry import Point, Shape, box, circle, curve, ellipse, sector
from seedlab.drawing.subjects.outlines import limb

PI = math.pi


def owl(rng: random.Random) -> list[Shape]:
    """Owl from the front, perched or with spread wings, horned, round or heart-faced."""
    face = rng.choice(("horned", "round", "heart"))
    spread = rng.random() < 0.35
    eyes = rng.choice(("open", "open", "sleepy", "aside"))
    plump = rng.uniform(0.24, 0.3)
    out: list[Shape] = []
    if spread:
        for side in (-1, 1):
            wing = [
                (0.5 + side * u, v)
                for u, v in (
                    (0.1, 0.45),
                    (0.3, 0.32),
                    (0.5, 0.2),
                    (0.49, 0.42),
                    (0.43, 0.43),
                    (0.42, 0.58),
                    (0.35, 0.57),
                    (0.33, 0.7),
                    (0.26, 0.66),
                    (0.14, 0.75),
                )
            ]
            out.append(Shape(tuple(wing), "second", 0.05 if side < 0 else -0.2))
        tail = ((0.4, 0.78), (0.6, 0.78), (0.66, 0.98), (0.5, 0.93), (0.34, 0.98))
        out.append(Shape(tail, "second", -0.15))
    else:
        out.append(Shape(box(0.44, 0.88, 0.56, 1.0), "second", -0.25))
    body = curve(
        (
            (0.5, 0.12),
            (0.5 + plump * 0.85, 0.24),
            (0.5 + plump, 0.56),
            (0.5 + 0.17, 0.86),
            (0.5, 0.92),
            (0.5 - 0.17, 0.86),
            (0.5 - plump, 0.56),
            (0.5 - plump * 0.85, 0.24),
        ),
        closed=True,
        n=8,
    )
    if face == "horned":
        for side in (-1, 1):
            horn = (
                (0.5 + side * plump * 0.92, 0.3),
                (0.5 + side * plump * 0.95, 0.02),
                (0.5 + side * 0.04, 0.16),
            )
            out.append(Shape(horn, "main", 0.0 if side < 0 else -0.22))
    out.append(Shape(body, "main"))
    out.append(Shape(ellipse(0.5, 0.66, plump * 0.68, 0.23), "light", -0.1))
    if rng.random() < 0.6:
        for k, (x, y) in enumerate(
            ((0.43, 0.58), (0.57, 0.58), (0.5, 0.68), (0.43, 0.78), (0.57, 0.78))
        ):
            tick = ((x - 0.045, y - 0.02), (x, y + 0.035), (x + 0.045, y - 0.02))
            out.append(Shape(tick, "second", -0.1 * (k % 2), 0.0))
    if not spread:
        for side in (-1, 1):
            wing_in = curve(
                (
                    (0.5 + side * plump * 0.8, 0.4),
                    (0.5 + side * (plump + 0.05), 0.58),
                    (0.5 + side * 0.19, 0.9),
                    (0.5 + side * 0.14, 0.68),
                ),
                closed=True,
                n=8,
            )
            out.append(Shape(wing_in, "second", 0.05 if side < 0 else -0.25))
    gap, r = 0.118, 0.115
    if face == "heart":
        heart = curve(
            (
                (0.5, 0.22),
                (0.6, 0.16),
                (0.5 + plump * 0.8, 0.28),
                (0.6, 0.44),
                (0.5, 0.52),
                (0.4, 0.44),
                (0.5 - plump * 0.8, 0.28),
                (0.4, 0.16),
            ),
            closed=True,
            n=8,
        )
        out.append(Shape(heart, "light", 0.1))
        r = 0.06
    for side in (-1, 1):
        x, y = 0.5 + side * gap * (0.85 if face == "heart" else 1.0), 0.31
        if face != "heart":
            out.append(Shape(circle(x, y, r), "light", 0.1))
        if eyes == "sleepy":
            out.append(Shape(sector(x, y, r * 0.75, 0.0, PI, 10), "dark"))
        else:
            look = 0.03 if eyes == "aside" and face != "heart" else 0.0
            if face != "heart":
                out.append(Shape(circle(x, y, r * 0.72), "accent", 0.1))
            out.append(Shape(circle(x + look, y, r * (0.42 if face != "heart" else 0.85)), "dark"))
    out.append(Shape(((0.46, 0.36), (0.54, 0.36), (0.5, 0.46)), "accent", -0.15))
    if not spread:
        out.append(
            Shape(
                limb(((0.06, 0.95), (0.5, 0.93), (0.94, 0.91)), (0.035, 0.042, 0.025)), "dark", 0.25
            )
        )
        out.append(Shape(box(0.4, 0.88, 0.47, 0.95), "accent"))
        out.append(Shape(box(0.53, 0.88, 0.6, 0.95), "accent", -0.15))
    return out


def heron(rng: random.Random) -> list[Shape]:
    """Wading heron: neck upright, in an S, or stooped to the water; on one leg or two."""
    neck = rng.choice(("upright", "curved", "stooped"))
    legs = rng.choice(("two", "one", "stride"))
    out: list[Shape] = [Shape(ellipse(0.46, 0.965, 0.32, 0.03), "second", 0.2)]
    reeds = rng.choice((0, 2, 3))
    for k in range(reeds):
        x = 0.1 + 0.07 * k
        tip = 0.4 + 0.11 * ((k * 2) % 3)
        out.append(
            Shape(
                limb(((x, 0.98), (x - 0.01, 0.7), (x + 0.01, tip)), (0.014, 0.014, 0.01)),
                "second",
                -0.25,
            )
        )
        out.append(Shape(limb(((x, tip + 0.02), (x + 0.01, tip + 0.13)), (0.028, 0.028)), "dark"))
    if legs == "one":
        bent = ((0.4, 0.62), (0.52, 0.74), (0.38, 0.8))
        out.append(Shape(bent, "accent", -0.3, 0.028))
    else:
        foot = 0.56 if legs == "two" else 0.66
        out.append(
            Shape(
                ((0.46, 0.6), (foot - 0.06, 0.78), (foot, 0.97), (foot + 0.07, 0.97)),
                "accent",
                -0.3,
                0.028,
            )
        )
    back = 0.42 if legs != "stride" else 0.3
    out.append(
        Shape(
            ((0.42, 0.6), (back - 0.01, 0.78), (back, 0.97), (back + 0.07, 0.97)),
            "accent",
            -0.1,
            0.03,
        )
    )
    tail = ((0.3, 0.52), (0.2, 0.7), (0.16, 0.72), (0.22, 0.54))
    out.append(Shape(tail, "main", -0.3))
    if neck == "upright":
        path: tuple[Point, ...] = ((0.56, 0.5), (0.64, 0.38), (0.6, 0.24), (0.62, 0.12))
        head: Point = (0.63, 0.11)
    elif neck == "curved":
        path = ((0.56, 0.54), (0.7, 0.48), (0.62, 0.34), (0.56, 0.22), (0.64, 0.15))
        head = (0.65, 0.16)
    else:
        path = ((0.56, 0.5), (0.66, 0.4), (0.74, 0.4), (0.78, 0.52))
        head = (0.79, 0.55)
    hx, hy = head
    if neck == "stooped":
        beak = ((hx - 0.035, hy + 0.02), (hx + 0.045, hy - 0.01), (hx + 0.1, hy + 0.28))
        plume = ((hx - 0.02, hy - 0.05), (hx + 0.04, hy - 0.14), (hx + 0.1, hy - 0.18))
    else:
        beak = ((hx + 0.02, hy - 0.035), (hx + 0.33, hy + 0.035), (hx + 0.02, hy + 0.045))
        plume = ((hx - 0.02, hy - 0.035), (hx - 0.12, hy - 0.02), (hx - 0.2, hy + 0.05))
    out.append(Shape(beak, "accent"))
    out.append(Shape(limb(path, (0.075, 0.05, *(0.034 for _ in path[3:]), 0.034)), "light", -0.05))
    if rng.random() < 0.7:
        out.append(Shape(limb(plume, (0.03, 0.016, 0.006)), "dark"))
    out.append(Shape(ellipse(hx, hy, 0.062, 0.052, 0.2), "light"))
    plump = rng.uniform(0.36, 0.42)
    body = curve(
        (
            (0.17, 0.66),
            (0.24, 0.48),
            (0.42, plump),
            (0.58, 0.43),
            (0.62, 0.54),
            (0.52, 0.65),
            (0.36, 0.67),
        ),
        closed=True,
        n=8,
    )
    out.append(Shape(body, "main", 0.05))
    drop = rng.uniform(-0.02, 0.06)
    wing = curve(
        ((0.13, 0.69 + drop), (0.28, 0.54), (0.46, 0.47), (0.54, 0.53), (0.42, 0.62)),
        closed=True,
        n=8,
    )
    out.append(Shape(wing, "main", -0.28))
    out.append(Shape(circle(hx + 0.012, hy - 0.008, 0.02), "dark"))
    if neck == "stooped" and rng.random() < 0.5:
        out.append(Shape(ellipse(hx + 0.1, hy + 0.3, 0.06, 0.025), "light", 0.1))
    return out
