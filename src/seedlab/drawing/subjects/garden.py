"""Garden plants: cactus and sunflower."""

from __future__ import annotations

import math
import random

from seedlab.drawing.geometry import Point, Shape, box, circle, cos, curve, ellipse, sector, sin
from seedlab.drawing.subjects.outlines import limb

PI = math.pi


def cactus(rng: random.Random) -> list[Shape]:
    """Cactus with arms, barrel cactus or prickly pear, in a pot or in sand."""
    kind = rng.choice(("arms", "arms", "pear", "barrel"))
    potted = rng.random() < 0.5
    foot = 0.76 if potted else 0.97
    out: list[Shape] = []
    if kind == "arms":
        half, top = rng.uniform(0.085, 0.11), rng.uniform(0.12, 0.2)
        for side in rng.choice(((-1, 1), (-1, 1), (1,), (-1,))):
            y = rng.uniform(0.45, 0.62) - (0.08 if potted else 0.0)
            far = 0.5 + side * rng.uniform(0.26, 0.32)
            tip = y - rng.uniform(0.14, 0.26)
            arm = ((0.5, y + 0.03), (0.5 + side * 0.17, y + 0.03), (far, y - 0.06), (far, tip))
            out.append(Shape(limb(arm, (0.06, 0.06, 0.06, 0.06)), "main", -0.15 - 0.12 * side))
            if rng.random() < 0.6:
                out.append(Shape(circle(far, tip - 0.06, 0.042), "accent"))
        body = limb(((0.5, foot), (0.5, 0.5), (0.5, top + half)), (half, half, half), True)
        out.append(Shape(body, "main"))
        x = 0.5 + half * 0.66
        strip = limb(((x, foot), (x, 0.5), (x, top + half)), (half * 0.34,) * 3, True)
        out.append(Shape(strip, "main", -0.25))
        for x in (0.5 - half * 0.45, 0.5 + half * 0.1):
            out.append(Shape(((x, top + half), (x, foot)), "main", 0.4, 0.02))
        tip = top
    elif kind == "pear":
        pads = (
            (0.5, foot - 0.17, 0.16, 0.21, 0.0),
            (0.36, foot - 0.46, 0.12, 0.17, -0.45),
            (0.65, foot - 0.44, 0.12, 0.17, 0.5),
            (0.27, foot - 0.68, 0.08, 0.11, -0.3),
            (0.56, foot - 0.66, 0.08, 0.12, 0.1),
        )
        count = rng.choice((3, 4, 5))
        for k in reversed(range(count)):
            x, y, rx, ry, turn = pads[k]
            out.append(Shape(ellipse(x, y, rx, ry, turn), "main", -0.05 - 0.22 * (k % 2 == 0)))
            out.append(Shape(ellipse(x - 0.03, y - 0.02, rx * 0.7, ry * 0.8, turn), "main", 0.12))
        for k in range(1, count):
            x, y, rx, ry, turn = pads[k]
            out.append(Shape(circle(x + ry * sin(turn), y - ry * cos(turn), 0.045), "accent"))
        tip = -1.0
    else:
        ry = 0.27 if potted else 0.33
        rx = rng.uniform(0.24, 0.32)
        cy = foot - ry + 0.02
        out.append(Shape(ellipse(0.5, cy, rx, ry), "main", -0.3))
        ribs = rng.choice((3, 4))
        for k in range(ribs):
            t = (k + 0.5) / ribs
            out.append(
                Shape(
                    ellipse(0.5 - 0.08 * rx, cy, rx * (1 - t) * 0.95 + 0.015, ry * 0.98),
                    "main",
                    -0.15 + 0.2 * k / ribs + 0.25 * (k % 2),
                )
            )
        tip = cy - ry
    if tip > 0:
        for turn in (-0.9, 0.9, 0.0):
            x, y = 0.5 + 0.045 * sin(turn), tip - 0.035 * cos(turn)
            out.append(Shape(ellipse(x, y, 0.032, 0.06, turn), "accent", 0.2 * (turn == 0.0)))
    if potted:
        wide = rng.uniform(0.2, 0.26)
        pot = (
            (0.5 - wide, 0.76),
            (0.5 + wide, 0.76),
            (0.5 + wide * 0.7, 1.0),
            (0.5 - wide * 0.7, 1.0),
        )
        out.append(Shape(pot, "second"))
        out.append(Shape(((0.56, 0.76), pot[1], pot[2], (0.54, 1.0)), "second", -0.25))
        out.append(Shape(box(0.47 - wide, 0.72, 0.53 + wide, 0.8), "second", 0.2))
    else:
        out.append(Shape(ellipse(0.5, 0.975, 0.36, 0.035), "second", -0.1))
        out.append(Shape(ellipse(0.26, 0.95, 0.07, 0.045), "second", 0.2))
    return out


def sunflower(rng: random.Random) -> list[Shape]:
    """Flower head with pointed or round petals on a leafy stem."""
    petals = rng.choice((10, 13, 16))
    pointed = rng.random() < 0.5
    disc = rng.choice((0.125, 0.15, 0.18))
    cx, cy = 0.5 + rng.choice((-0.1, 0.0, 0.1)), 0.34
    reach = 0.3
    out = [
        Shape(limb(((0.5, 1.0), (0.5, 0.7), (cx, cy)), (0.032, 0.03, 0.024), True), "second", -0.2)
    ]
    leaves = rng.choice(((-1,), (1,), (-1, 1), (-1, 1, -1)))
    for k, side in enumerate(leaves):
        y = 0.9 - 0.08 * k
        tip = (0.5 + side * rng.uniform(0.28, 0.36), y - rng.uniform(0.1, 0.2))
        mx, my = (0.5 + tip[0]) / 2, (y + tip[1]) / 2
        top = curve(((0.5, y), (mx - 0.02 * side, my - 0.09), tip), n=8)
        low = curve(((0.5, y), (mx + 0.04 * side, my + 0.06), tip), n=8)
        out.append(Shape((*top, *reversed(low)), "second", 0.15 if side < 0 else -0.1))
    if rng.random() < 0.4:
        half = rng.uniform(0.14, 0.2)
        out.append(
            Shape(
                (
                    (0.5 - half, 0.84),
                    (0.5 + half, 0.84),
                    (0.5 + half * 0.7, 1.0),
                    (0.5 - half * 0.7, 1.0),
                ),
                "accent",
                -0.1,
            )
        )
        out.append(Shape(box(0.48 - half, 0.81, 0.52 + half, 0.87), "accent", 0.15))
    ring = [
        (cx + 0.8 * reach * cos(2 * PI * k / 60), cy + 0.8 * reach * sin(2 * PI * k / 60))
        for k in range(60)
    ]
    out.append(Shape(tuple(ring), "main", -0.25))
    wide = 2.2 * reach / petals * (1.15 if pointed else 1.0)
    for k in range(petals):
        a = 2 * PI * (k + 0.25) / petals
        c, s = cos(a), sin(a)
        if pointed:
            outline: tuple[Point, ...] = (
                (0.06, 0.0),
                (0.18, wide),
                (reach + 0.03, 0.0),
                (0.18, -wide),
            )
            petal = tuple((cx + u * c - v * s, cy + u * s + v * c) for u, v in outline)
        else:
            mid = reach * 0.62
            petal = ellipse(cx + mid * c, cy + mid * s, reach * 0.4, wide * 0.8, a, n=16)
        out.append(Shape(petal, "main", 0.2 if k % 2 else 0.0))
    out.append(Shape(circle(cx, cy, disc), "dark", 0.1))
    if rng.random() < 0.6:
        out.append(Shape(circle(cx - 0.012, cy - 0.012, disc * 0.62), "accent", -0.35))
    else:
        out.append(Shape(sector(cx, cy, disc, -0.9, 1.9), "dark", -0.25))
    return out
