"""Canines: the fox."""

from __future__ import annotations

import random

from seedlab.drawing.geometry import Point, Role, Shape, circle, curve
from seedlab.drawing.subjects.outlines import limb


def _fox_face(x: float, y: float, r: float, asleep: bool) -> list[Shape]:
    """Pointed face of half width ``r`` seen from the front."""
    out: list[Shape] = []
    for side in (-1, 1):
        ear = (
            (x + side * 0.98 * r, y - 0.1 * r),
            (x + side * 0.9 * r, y - 1.45 * r),
            (x + side * 0.05 * r, y - 0.6 * r),
        )
        out.append(Shape(ear, "main", 0.0 if side < 0 else -0.22))
        tip = (
            (x + side * 0.82 * r, y - 0.5 * r),
            (x + side * 0.84 * r, y - 1.2 * r),
            (x + side * 0.34 * r, y - 0.66 * r),
        )
        out.append(Shape(tip, "dark"))
    out.append(
        Shape(
            (
                (x - 1.15 * r, y + 0.15 * r),
                (x - 0.7 * r, y - 0.62 * r),
                (x, y - 0.7 * r),
                (x + 0.7 * r, y - 0.62 * r),
                (x + 1.15 * r, y + 0.15 * r),
                (x, y + 1.1 * r),
            ),
            "main",
            0.05,
        )
    )
    for side in (-1, 1):
        cheek = (
            (x + side * 1.15 * r, y + 0.15 * r),
            (x + side * 0.42 * r, y + 0.14 * r),
            (x, y + 1.1 * r),
        )
        out.append(Shape(cheek, "light", 0.05 if side < 0 else -0.1))
        ex = x + side * 0.42 * r
        if asleep:
            out.append(
                Shape(
                    ((ex - 0.2 * r, y - 0.08 * r), (ex + 0.2 * r, y - 0.08 * r)), "dark", 0.0, 0.026
                )
            )
        else:
            out.append(Shape(circle(ex, y - 0.1 * r, 0.15 * r), "dark"))
    out.append(Shape(circle(x, y + 0.98 * r, 0.19 * r), "dark"))
    return out


def _fox_profile(x: float, y: float, r: float, up: float) -> list[Shape]:
    """Head in profile looking right; ``up`` lifts the muzzle."""
    lift = up * r
    out = [
        Shape(
            ((x - 0.3 * r, y - 0.3 * r), (x - 0.02 * r, y - 1.3 * r), (x + 0.34 * r, y - 0.3 * r)),
            "dark",
        ),
        Shape(
            (
                (x - 0.75 * r, y - 0.2 * r),
                (x - 0.58 * r, y - 1.5 * r),
                (x + 0.02 * r, y - 0.45 * r),
            ),
            "main",
            -0.1,
        ),
    ]
    nose: Point = (x + 1.55 * r, y + 0.3 * r - lift)
    out.append(
        Shape(
            curve(
                (
                    (x - 0.8 * r, y + 0.1 * r),
                    (x - 0.3 * r, y - 0.6 * r),
                    (x + 0.4 * r, y - 0.42 * r),
                    nose,
                    (x + 0.5 * r, y + 0.62 * r),
                    (x - 0.4 * r, y + 0.7 * r),
                ),
                closed=True,
                n=8,
            ),
            "main",
            0.06,
        )
    )
    out.append(
        Shape(
            (
                nose,
                (x + 0.5 * r, y + 0.64 * r),
                (x - 0.4 * r, y + 0.7 * r),
                (x - 0.1 * r, y + 0.2 * r),
                (x + 0.6 * r, y + 0.18 * r - 0.3 * lift),
            ),
            "light",
        )
    )
    out.append(Shape(circle(nose[0] - 0.02 * r, nose[1], 0.19 * r), "dark"))
    out.append(Shape(circle(x + 0.25 * r, y - 0.1 * r, 0.15 * r), "dark"))
    return out


def fox(rng: random.Random) -> list[Shape]:
    """Fox sitting, trotting or curled up, with a white-tipped tail."""
    pose = rng.choice(("sitting", "trotting", "curled"))
    frontal = rng.random() < 0.5
    big, bushy = rng.uniform(0.9, 1.15), rng.uniform(0.8, 1.25)
    socks: Role = rng.choice(("dark", "dark", "main"))
    out: list[Shape] = []

    def brush(path: tuple[Point, ...], wide: float, shade: float) -> None:
        out.append(Shape(limb(path, (wide * 0.35, wide, wide * 0.95, 0.01)), "main", shade))
        end = curve(path, n=8)[-10:]
        tip = (end[0], end[5], end[9])
        out.append(Shape(limb(tip, (wide * 0.98, wide * 0.6, 0.008)), "light"))

    if pose == "sitting":
        high = rng.random() < 0.5
        path: tuple[Point, ...] = ((0.34, 0.92), (0.16, 0.86), (0.1, 0.66), (0.2, 0.44))
        if not high:
            path = ((0.34, 0.92), (0.2, 0.9), (0.08, 0.9), (0.02, 0.74))
        brush(path, 0.09 * bushy, -0.15)
        body = curve(
            (
                (0.52, 0.38),
                (0.66, 0.5),
                (0.68, 0.72),
                (0.66, 0.985),
                (0.32, 0.985),
                (0.26, 0.84),
                (0.38, 0.56),
            ),
            closed=True,
            n=8,
        )
        out.append(Shape(body, "main"))
        chest = curve(
            ((0.56, 0.42), (0.67, 0.52), (0.66, 0.7), (0.58, 0.78), (0.53, 0.6)), closed=True, n=8
        )
        out.append(Shape(chest, "light"))
        haunch = curve(
            ((0.3, 0.84), (0.4, 0.7), (0.52, 0.8), (0.52, 0.98), (0.32, 0.985)), closed=True, n=8
        )
        out.append(Shape(haunch, "main", -0.22))
        out.append(Shape(limb(((0.6, 0.76), (0.62, 0.955)), (0.04, 0.042)), socks, -0.1))
        if frontal:
            return out + _fox_face(0.57, 0.31, 0.19 * big, False)
        return out + _fox_profile(0.58, 0.32, 0.18 * big, rng.choice((0.0, 0.5)))
    if pose == "trotting":
        tails: tuple[tuple[Point, ...], ...] = (
            ((0.28, 0.56), (0.16, 0.54), (0.08, 0.68), (0.02, 0.86)),
            ((0.28, 0.56), (0.16, 0.5), (0.08, 0.36), (0.1, 0.16)),
            ((0.28, 0.56), (0.18, 0.58), (0.08, 0.56), (0.0, 0.5)),
        )
        brush(rng.choice(tails), 0.08 * bushy, -0.1)
        step = rng.choice((-0.05, 0.03, 0.09))
        for x, dx, shade in (
            (0.37, step, -0.35),
            (0.64, step, -0.35),
            (0.3, -step, 0.0),
            (0.68, -step, 0.0),
        ):
            out.append(Shape(limb(((x, 0.6), (x + dx * 0.7, 0.8)), (0.065, 0.036)), "main", shade))
            out.append(
                Shape(limb(((x + dx * 0.7, 0.8), (x + dx, 0.96)), (0.035, 0.032)), socks, shade)
            )
        body = curve(
            (
                (0.22, 0.6),
                (0.27, 0.5),
                (0.45, 0.5),
                (0.66, 0.44),
                (0.77, 0.5),
                (0.73, 0.66),
                (0.5, 0.68),
                (0.3, 0.71),
            ),
            closed=True,
            n=8,
        )
        out.append(Shape(body, "main"))
        out.append(
            Shape(
                curve(((0.74, 0.5), (0.78, 0.54), (0.72, 0.68), (0.6, 0.66)), closed=True), "light"
            )
        )
        if frontal:
            return out + _fox_face(0.76, 0.38, 0.15 * big, False)
        return out + _fox_profile(0.74, 0.4, 0.15 * big, rng.choice((0.0, 0.4)))
    body = curve(
        (
            (0.06, 0.84),
            (0.14, 0.64),
            (0.36, 0.54),
            (0.64, 0.56),
            (0.86, 0.68),
            (0.95, 0.86),
            (0.8, 0.98),
            (0.5, 0.995),
            (0.18, 0.98),
        ),
        closed=True,
        n=8,
    )
    out.append(Shape(body, "main", -0.1))
    haunch = curve(
        ((0.62, 0.7), (0.8, 0.7), (0.92, 0.86), (0.8, 0.97), (0.62, 0.96), (0.56, 0.82)),
        closed=True,
        n=8,
    )
    out.append(Shape(haunch, "main", -0.28))
    brush(((0.9, 0.9), (0.72, 0.91), (0.5, 0.92), (0.28, 0.9)), 0.075 * bushy, 0.12)
    awake = rng.random() < 0.5
    return out + _fox_face(0.3, 0.64 if not awake else 0.57, 0.18 * big, not awake)
