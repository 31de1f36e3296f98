"""Felines: the cat."""

from __future__ import annotations

import math
import random

from seedlab.drawing.geometry import Point, Shape, circle, curve, ellipse, sector
from seedlab.drawing.subjects.outlines import limb

PI = math.pi


def _cat_head(x: float, y: float, r: float, look: float, asleep: bool) -> list[Shape]:
    """Head of radius ``r`` from the front, turned by ``look`` (-1 to 1)."""
    out: list[Shape] = []
    for side in (-1, 1):
        ear = (
            (x + side * 0.98 * r, y + 0.1 * r),
            (x + side * 0.86 * r, y - 1.4 * r),
            (x + side * 0.12 * r, y - 0.72 * r),
        )
        out.append(Shape(ear, "main", 0.0 if side < 0 else -0.22))
        inner = (
            (x + side * 0.8 * r, y - 0.4 * r),
            (x + side * 0.78 * r, y - 1.08 * r),
            (x + side * 0.36 * r, y - 0.7 * r),
        )
        out.append(Shape(inner, "accent"))
    out.append(Shape(ellipse(x, y, 1.1 * r, 0.92 * r), "main", 0.06))
    x += 0.2 * look * r
    out.append(Shape(ellipse(x, y + 0.45 * r, 0.5 * r, 0.34 * r), "light"))
    for side in (-1, 1):
        ex, ey = x + side * 0.48 * r, y - 0.06 * r
        if asleep:
            lid = sector(ex, ey, 0.24 * r, 0.1, PI - 0.1, 10)
            out.append(Shape(lid[1:], "dark", 0.0, 0.024))
        else:
            out.append(Shape(circle(ex, ey, 0.27 * r), "light", 0.1))
            out.append(Shape(ellipse(ex + 0.08 * look * r, ey, 0.15 * r, 0.24 * r), "dark"))
    out.append(
        Shape(
            ((x - 0.17 * r, y + 0.24 * r), (x + 0.17 * r, y + 0.24 * r), (x, y + 0.46 * r)),
            "accent",
            -0.1,
        )
    )
    return out


def cat(rng: random.Random) -> list[Shape]:
    """Cat sitting, walking or lying, plain, striped or bibbed, tail up or around the feet."""
    pose = rng.choice(("sitting", "walking", "lying"))
    coat = rng.choice(("plain", "striped", "bib"))
    look = rng.choice((-1.0, 0.0, 1.0))
    big = rng.uniform(0.88, 1.1)
    high = rng.uniform(0.36, 0.46)
    asleep = (pose == "lying" and rng.random() < 0.6) or rng.random() < 0.15
    out: list[Shape] = []
    if pose == "sitting":
        wrapped = rng.random() < 0.4
        if not wrapped:
            tail: tuple[Point, ...] = (
                (0.66, 0.94),
                (0.86, 0.9),
                (0.9, 0.7),
                (0.84, 0.54),
                (0.9, high),
            )
            out.append(Shape(limb(tail, (0.05, 0.055, 0.05, 0.045, 0.035)), "main", -0.22))
        body = curve(
            (
                (0.5, 0.36),
                (0.66, 0.52),
                (0.74, 0.84),
                (0.66, 0.99),
                (0.34, 0.99),
                (0.26, 0.84),
                (0.34, 0.52),
            ),
            closed=True,
            n=8,
        )
        out.append(Shape(body, "main"))
        haunch = curve(
            ((0.62, 0.66), (0.75, 0.84), (0.7, 0.99), (0.54, 0.99), (0.55, 0.8)), closed=True, n=8
        )
        out.append(Shape(haunch, "main", -0.22))
        if coat == "bib":
            out.append(Shape(ellipse(0.49, 0.6, 0.11, 0.17), "light"))
        elif coat == "striped":
            for y in (0.56, 0.68, 0.8):
                w = 0.12 * y / 0.6
                out.append(
                    Shape(
                        (
                            (0.36 - 0.1 * (y - 0.5), y - 0.03),
                            (0.36 + w, y + 0.02),
                            (0.33 - 0.1 * (y - 0.5), y + 0.035),
                        ),
                        "dark",
                        0.15,
                    )
                )
        for x in (0.42, 0.54):
            out.append(
                Shape(
                    limb(((x, 0.72), (x, 0.95)), (0.04, 0.05)),
                    "light" if coat == "bib" else "main",
                    0.15,
                )
            )
        if wrapped:
            out.append(
                Shape(
                    limb(((0.71, 0.93), (0.5, 0.965), (0.24, 0.93)), (0.05, 0.04, 0.03)),
                    "main",
                    -0.3,
                )
            )
        return out + _cat_head(0.5 + 0.05 * look, 0.31, 0.2 * big, look, asleep)
    if pose == "walking":
        up = rng.random() < 0.6
        tail = (
            ((0.2, 0.56), (0.08, 0.46), (0.09, 0.26), (0.17, 0.14))
            if up
            else ((0.2, 0.56), (0.08, 0.64), (0.04, 0.8), (0.1, 0.88))
        )
        out.append(Shape(limb(tail, (0.045, 0.045, 0.04, 0.03)), "main", -0.1))
        step = rng.choice((0.0, 0.06))
        for x, dx in ((0.34, 0.03 + step), (0.66, 0.05 + step)):
            out.append(
                Shape(
                    limb(((x, 0.6), (x + dx, 0.8), (x + dx, 0.96)), (0.07, 0.045, 0.042)),
                    "main",
                    -0.35,
                )
            )
        body = curve(
            (
                (0.14, 0.6),
                (0.22, 0.47),
                (0.45, 0.48),
                (0.68, 0.42),
                (0.8, 0.54),
                (0.72, 0.72),
                (0.45, 0.71),
                (0.2, 0.74),
            ),
            closed=True,
            n=8,
        )
        out.append(Shape(body, "main"))
        for x, dx in ((0.22, -step), (0.7, -step)):
            out.append(
                Shape(
                    limb(((x, 0.62), (x + dx, 0.8), (x + dx, 0.955)), (0.08, 0.05, 0.045)),
                    "main",
                    0.05,
                )
            )
            if coat == "bib":
                out.append(Shape(limb(((x + dx, 0.92), (x + dx, 0.955)), (0.046, 0.045)), "light"))
        if coat == "striped":
            for x in (0.27, 0.38, 0.49):
                out.append(Shape(((x, 0.475), (x + 0.06, 0.475), (x + 0.01, 0.62)), "dark", 0.15))
        return out + _cat_head(0.77, 0.38, 0.165 * big, look, asleep)
    body = curve(
        (
            (0.05, 0.9),
            (0.08, 0.72),
            (0.26, 0.56),
            (0.5, 0.58),
            (0.76, 0.68),
            (0.93, 0.88),
            (0.88, 0.99),
            (0.5, 0.995),
            (0.12, 0.99),
        ),
        closed=True,
        n=8,
    )
    out.append(Shape(body, "main", -0.05))
    haunch = curve(
        ((0.08, 0.86), (0.18, 0.7), (0.34, 0.72), (0.4, 0.88), (0.32, 0.985), (0.12, 0.985)),
        closed=True,
        n=8,
    )
    out.append(Shape(haunch, "main", -0.22))
    if coat == "striped":
        for x in (0.3, 0.4, 0.5):
            out.append(Shape(((x, 0.57), (x + 0.055, 0.585), (x + 0.01, 0.71)), "dark", 0.15))
    elif coat == "bib":
        out.append(Shape(ellipse(0.74, 0.86, 0.13, 0.11), "light"))
    if rng.random() < 0.5:
        tail = ((0.1, 0.93), (0.28, 0.96), (0.5, 0.95), (0.62, 0.9))
        out.append(Shape(limb(tail, (0.04, 0.045, 0.04, 0.03)), "main", 0.15))
    else:
        tail = ((0.12, 0.82), (0.03, 0.66), (0.05, 0.48), (0.13, 0.42))
        out.insert(0, Shape(limb(tail, (0.045, 0.045, 0.04, 0.03)), "main", -0.2))
    out.append(
        Shape(
            limb(((0.66, 0.955), (0.86, 0.955)), (0.045, 0.042)),
            "light" if coat == "bib" else "main",
            0.15,
        )
    )
    return out + _cat_head(0.7, 0.6, 0.19 * big, look, asleep)
