"""Objects: teapot and balloon."""

from __future__ import annotations

import math
import random

from seedlab.drawing.geometry import Point, Role, Shape, box, circle, cos, curve, ellipse, sin
from seedlab.drawing.subjects.outlines import limb

PI = math.pi


def teapot(rng: random.Random) -> list[Shape]:
    """Round, tall or squat pot with a side or top handle, a spout and a lid."""
    kind = rng.choice(("round", "tall", "squat"))
    rx = {"round": 0.26, "tall": 0.21, "squat": 0.3}[kind] * rng.uniform(0.88, 1.0)
    ry = {"round": 0.25, "tall": 0.31, "squat": 0.2}[kind]
    over = rng.random() < 0.35
    cy = 0.95 - ry
    neck = cy - ry * 0.86
    out: list[Shape] = []
    if rng.random() < 0.6:
        x = 0.93
        steam = (
            (x, cy - 0.24),
            (x - 0.045, cy - 0.33),
            (x + 0.03, cy - 0.42),
            (x - 0.02, cy - 0.5),
        )
        out.append(Shape(limb(steam, (0.012, 0.024, 0.022, 0.008)), "light", 0.1))
    if over:
        arch = curve(
            (
                (0.5 - rx * 0.8, cy - ry * 0.5),
                (0.5 - rx * 0.72, neck - 0.22),
                (0.5, neck - 0.3),
                (0.5 + rx * 0.72, neck - 0.22),
                (0.5 + rx * 0.8, cy - ry * 0.5),
            )
        )
        out.append(Shape(arch, "second", -0.1, 0.055))
    else:
        x = 0.5 - rx
        if rng.random() < 0.6:
            ear = curve(
                (
                    (x + 0.06, cy - ry * 0.55),
                    (x - 0.13, cy - ry * 0.6),
                    (x - 0.17, cy),
                    (x - 0.08, cy + ry * 0.4),
                    (x + 0.06, cy + ry * 0.5),
                )
            )
        else:
            ear = (
                (x + 0.08, cy - ry * 0.6),
                (x - 0.18, cy - ry * 0.6),
                (x - 0.06, cy + ry * 0.5),
                (x + 0.06, cy + ry * 0.5),
            )
        out.append(Shape(ear, "second", -0.1, 0.06))
    x = 0.5 + rx
    if rng.random() < 0.6:
        spout = limb(
            (
                (x - 0.08, cy + ry * 0.35),
                (x + 0.08, cy + 0.02),
                (x + 0.1, cy - ry * 0.5),
                (x + 0.19, cy - ry * 0.8),
            ),
            (0.09, 0.07, 0.045, 0.035),
        )
    else:
        spout = (
            (x - 0.1, cy + ry * 0.5),
            (x + 0.13, cy - ry * 0.8),
            (x + 0.21, cy - ry * 0.72),
            (x - 0.02, cy + ry * 0.75),
        )
    out.append(Shape(spout, "main", -0.3))
    out.append(Shape(box(0.5 - rx * 0.5, 0.9, 0.5 + rx * 0.5, 0.985), "second", -0.2))
    out.append(Shape(ellipse(0.5, cy, rx, ry), "main", -0.28))
    out.append(Shape(ellipse(0.5 - rx * 0.1, cy - ry * 0.01, rx * 0.9, ry * 0.97), "main", 0.04))
    pattern = rng.choice(("band", "dots", "flower", "plain"))
    if pattern == "band":
        t = 0.24
        w = rx * 0.955
        out.append(Shape(box(0.5 - w, cy - t * ry, 0.5 + w, cy + t * ry), "accent"))
        out.append(Shape(box(0.5 + w * 0.7, cy - t * ry, 0.5 + w, cy + t * ry), "accent", -0.25))
    elif pattern == "dots":
        for u, v in ((-0.5, -0.2), (0.0, -0.35), (0.5, -0.2), (-0.25, 0.25), (0.28, 0.25)):
            out.append(Shape(circle(0.5 + u * rx, cy + v * ry, 0.045), "accent"))
    elif pattern == "flower":
        for k in range(5):
            a = 2 * PI * k / 5 - PI / 2
            out.append(Shape(circle(0.48 + 0.075 * cos(a), cy + 0.075 * sin(a), 0.055), "accent"))
        out.append(Shape(circle(0.48, cy, 0.045), "light"))
    else:
        out.append(Shape(ellipse(0.5 - rx * 0.5, cy - ry * 0.3, 0.04, ry * 0.35, 0.4), "light"))
    lid = rx * 0.58
    if rng.random() < 0.5:
        dome: list[Point] = [
            (0.5 + lid * cos(PI + PI * k / 16), neck + 0.01 + 0.1 * sin(PI + PI * k / 16))
            for k in range(17)
        ]
        out.append(Shape(tuple(dome), "second", 0.05))
        out.append(Shape(circle(0.5, neck - 0.115, 0.045), "accent"))
    else:
        cone = (
            (0.5 - lid, neck + 0.01),
            (0.5 - 0.04, neck - 0.12),
            (0.54, neck - 0.12),
            (0.5 + lid, neck + 0.01),
        )
        out.append(Shape(cone, "second", 0.05))
        out.append(Shape(ellipse(0.5, neck - 0.13, 0.07, 0.035), "accent"))
    out.append(
        Shape(box(0.5 - lid * 1.1, neck - 0.015, 0.5 + lid * 1.1, neck + 0.025), "dark", 0.1)
    )
    return out


def balloon(rng: random.Random) -> list[Shape]:
    """Hot-air balloon with gores, hoops or a zigzag, and a basket."""
    wide, belly = rng.uniform(0.31, 0.4), rng.choice((0.3, 0.36))
    mouth, top = 0.75, 0.03
    pattern = rng.choice(("gores", "gores", "hoops", "zigzag"))
    basket = rng.choice((0.065, 0.085))

    def half(y: float) -> float:
        if y < belly:
            t = (belly - y) / (belly - top)
            return wide * math.sqrt(max(0.0, 1 - t * t))
        t = (y - belly) / (mouth - belly)
        return wide + (0.075 - wide) * t * t * (1.75 - 0.75 * t)

    ys = [top + (belly - top) * (k / 8) * (k / 8) for k in range(9)]
    ys += [belly + (mouth - belly) * k / 12 for k in range(1, 13)]

    def strip(a: float, b: float, rows: list[float]) -> tuple[Point, ...]:
        return (
            *((0.5 + a * half(y), y) for y in rows),
            *((0.5 + b * half(y), y) for y in reversed(rows)),
        )

    def between(y0: float, y1: float) -> list[float]:
        return [y0, *(y for y in ys if y0 < y < y1), y1]

    out = [
        Shape(((0.5 + u * 0.07, mouth), (0.5 + u * basket, 0.9)), "dark", 0.0, 0.02)
        for u in (-1.0, 1.0)
    ]
    if pattern == "gores":
        count = rng.choice((3, 5, 7))
        edges = [-cos(PI * k / count) for k in range(count + 1)]
        roles: tuple[Role, Role] = rng.choice(
            (("main", "light"), ("main", "second"), ("main", "accent"))
        )
        for k in range(count):
            shade = 0.15 - 0.4 * k / (count - 1)
            out.append(Shape(strip(edges[k], edges[k + 1], ys), roles[k % 2], shade))
        if rng.random() < 0.4:
            out.append(Shape(strip(-1.0, 1.0, between(top, top + 0.08)), "accent"))
    else:
        out.append(Shape(strip(-1.0, 1.0, ys), "main", 0.08))
        if pattern == "hoops":
            hoops = rng.choice((2, 3))
            for k in range(hoops):
                y = 0.14 + 0.46 * k / hoops
                role: Role = ("second", "light", "accent")[k]
                out.append(Shape(strip(-1.0, 1.0, between(y, y + 0.1)), role))
        else:
            teeth = rng.choice((3, 5))
            y0, y1 = belly - 0.04, belly + 0.14
            edge = [
                (0.5 + half(y1 if k % 2 else y0) * (-1 + k / teeth), y1 if k % 2 else y0)
                for k in range(2 * teeth + 1)
            ]
            out.append(
                Shape(
                    (
                        *((0.5 - half(y), y) for y in between(top, y0)),
                        *edge[1:-1],
                        *((0.5 + half(y), y) for y in reversed(between(top, y0))),
                    ),
                    "second",
                )
            )
            out.append(Shape(strip(-1.0, 1.0, between(0.6, mouth)), "accent"))
    out.append(
        Shape(box(0.5 - basket * 0.8, mouth - 0.01, 0.5 + basket * 0.8, mouth + 0.03), "dark")
    )
    if rng.random() < 0.5:
        out.append(Shape(((0.45, 0.86), (0.5, 0.78), (0.55, 0.86)), "accent", 0.2))
    low = basket * 0.8
    out.append(
        Shape(
            ((0.5 - basket, 0.88), (0.5 + basket, 0.88), (0.5 + low, 1.0), (0.5 - low, 1.0)),
            "second",
            -0.2,
        )
    )
    out.append(Shape(box(0.49 - basket, 0.87, 0.51 + basket, 0.905), "dark"))
    return out
