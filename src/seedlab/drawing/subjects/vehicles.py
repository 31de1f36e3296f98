"""Vehicles: sailing boat, rocket and train."""

from __future__ import annotations

import random

from seedlab.drawing.geometry import Point, Role, Shape, box, circle, curve, ellipse
from seedlab.drawing.subjects.outlines import opening


def sailing_boat(rng: random.Random) -> list[Shape]:
    """Sloop, square-rigged ship or lugger on a wave."""
    rig = rng.choice(("sloop", "square", "two masts"))
    left, right = rng.uniform(0.05, 0.12), rng.uniform(0.9, 0.97)
    deck, mast = 0.72, rng.uniform(0.44, 0.54)
    out: list[Shape] = []

    def sail(outline: tuple[Point, ...], role: Role, shade: float = 0.0) -> None:
        out.append(Shape(outline, role, shade))

    def bowed(a: Point, b: Point, c: Point, bulge: float) -> tuple[Point, ...]:
        mid = ((b[0] + c[0]) / 2 + bulge, (b[1] + c[1]) / 2)
        return (a, *curve((b, mid, c), n=8))

    masts = (0.32, 0.66) if rig == "two masts" else (mast,)
    tops = (rng.uniform(0.14, 0.24), 0.08) if rig == "two masts" else (0.06,)
    for x, top in zip(masts, tops, strict=True):
        out.append(Shape(box(x - 0.014, top, x + 0.014, deck + 0.04), "dark"))
        if rng.random() < 0.7:
            out.append(Shape(((x, top), (x - 0.13, top + 0.035), (x, top + 0.07)), "accent"))
    if rig == "sloop":
        main = bowed((mast - 0.03, 0.64), (mast - 0.03, 0.14), (left + 0.04, 0.64), -0.03)
        sail(main, "light")
        jib = bowed((mast + 0.03, 0.64), (mast + 0.03, 0.2), (right - 0.04, 0.64), 0.05)
        sail(jib, "accent", -0.05)
        if rng.random() < 0.6:
            low = mast - 0.03, 0.64
            sail((low, (mast - 0.03, 0.5), (left + 0.11, 0.52), (left + 0.04, 0.64)), "second")
    elif rig == "square":
        rows = rng.choice((1, 2, 3))
        high = 0.5 / rows
        for k in range(rows):
            y0 = 0.16 + k * high
            wide = 0.36 if rows == 1 else 0.24 + 0.06 * k
            y1 = y0 + high - 0.025
            outline = (
                *curve(
                    ((mast - wide, y0), (mast - wide + 0.05, (y0 + y1) / 2), (mast - wide, y1)), n=8
                ),
                *curve(
                    ((mast + wide, y1), (mast + wide + 0.07, (y0 + y1) / 2), (mast + wide, y0)), n=8
                ),
            )
            sail(outline, "accent" if rows == 2 and k == 0 else "light", -0.04 * k)
            if rows == 1:
                for x in (-0.22, 0.0, 0.22):
                    sail(box(mast + x - 0.05, y0, mast + x + 0.05, y1), "accent")
            else:
                sail(box(mast + 0.6 * wide, y0, mast + wide + 0.02, y1), "light", -0.22)
    else:
        for (x, top), role in zip(zip(masts, tops, strict=True), ("accent", "light"), strict=True):
            r: Role = "accent" if role == "accent" else "light"
            sail(
                ((x - 0.2, 0.62), (x - 0.12, top + 0.16), (x + 0.14, top + 0.06), (x + 0.2, 0.62)),
                r,
            )
            sail(
                ((x + 0.08, top + 0.08), (x + 0.14, top + 0.06), (x + 0.2, 0.62), (x + 0.11, 0.62)),
                r,
                -0.22,
            )
    keel = rng.uniform(0.14, 0.26)
    bow = rng.choice((0.0, 0.06))
    hull = curve(
        (
            (left, deck),
            (left + 0.05, 0.86),
            (left + keel, 0.97),
            (right - keel, 0.97),
            (right - 0.06, 0.86),
            (right, deck - bow),
        ),
        n=8,
    )
    out.append(Shape((*hull, (0.6, deck)), "main"))
    out.append(
        Shape(
            (
                (0.58, deck),
                (right, deck - bow),
                (right - 0.06, 0.86),
                (right - keel, 0.97),
                (0.58, 0.97),
            ),
            "main",
            -0.22,
        )
    )
    out.append(
        Shape(
            (
                (left, deck),
                (0.6, deck),
                (right, deck - bow),
                (right - 0.015, deck + 0.05),
                (left + 0.015, deck + 0.05),
            ),
            "second",
            0.15,
        )
    )
    for k in range(rng.choice((0, 0, 3))):
        out.append(Shape(circle(0.34 + 0.15 * k, 0.84, 0.032), "light"))
    wave = [(k / 8, 0.925 + (0.028 if k % 2 else -0.012)) for k in range(9)]
    out.append(Shape((*curve(wave, n=4), (0.97, 1.0), (0.03, 1.0)), "second", -0.15))
    return out


def rocket(rng: random.Random) -> list[Shape]:
    """Storybook rocket standing on its fins or flying on its flame."""
    flying = rng.random() < 0.55
    wide = rng.choice((0.13, 0.165, 0.2))
    top, foot = 0.03, (0.74 if flying else 0.9)
    tall = foot - top
    out: list[Shape] = []
    if flying:
        for r, role, shade in ((1.0, "accent", 0.0), (0.55, "light", 0.1)):
            w, low = wide * 0.75 * r, foot + (0.98 - foot) * (0.55 + 0.45 * r)
            fire = curve(
                (
                    (0.5 - w, foot - 0.02),
                    (0.5 - w * 1.1, foot + 0.06),
                    (0.5, low),
                    (0.5 + w * 1.1, foot + 0.06),
                    (0.5 + w, foot - 0.02),
                ),
                n=8,
            )
            out.append(Shape(fire, "accent" if role == "accent" else "light", shade))
    fins = rng.choice(("swept", "round", "legs"))
    low = min(foot + 0.1, 1.0)
    for side in (-1, 1):
        x = 0.5 + side * wide * 0.7
        far = 0.5 + side * (wide + rng.choice((0.14, 0.2)))
        if fins == "swept":
            fin: tuple[Point, ...] = (
                (x, foot - 0.3),
                (far, foot - 0.04),
                (far, low),
                (x, foot - 0.02),
            )
        elif fins == "round":
            fin = (
                *curve(((x, foot - 0.3), (far - side * 0.02, foot - 0.16), (far, low)), n=8),
                (x, foot - 0.02),
            )
        else:
            fin = ((x, foot - 0.24), (far, low), (far - side * 0.07, low), (x, foot - 0.08))
        out.append(Shape(fin, "second", 0.05 if side < 0 else -0.25))
    nozzle = (
        (0.5 - wide * 0.5, foot - 0.03),
        (0.5 + wide * 0.5, foot - 0.03),
        (0.5 + wide * 0.7, foot + 0.04),
        (0.5 - wide * 0.7, foot + 0.04),
    )
    out.append(Shape(nozzle, "dark"))
    belly = rng.choice((0.45, 0.62))

    def half(t: float) -> float:
        if t < belly:
            u = 1 - t / belly
            return wide * (1 - u * u)
        u = (t - belly) / (1 - belly)
        return wide * (1 - 0.38 * u * u)

    def strip(a: float, b: float, t0: float, t1: float) -> tuple[Point, ...]:
        rows = [t0 + (t1 - t0) * k / 12 for k in range(13)]
        return (
            *((0.5 + a * half(t), top + t * tall) for t in rows),
            *((0.5 + b * half(t), top + t * tall) for t in reversed(rows)),
        )

    nose = rng.choice((0.2, 0.28))
    out.append(Shape(strip(-1.0, 0.3, nose, 1.0), "main", 0.1))
    out.append(Shape(strip(0.3, 1.0, nose, 1.0), "main", -0.2))
    out.append(Shape(strip(-1.0, 0.3, 0.0, nose), "second", 0.1))
    out.append(Shape(strip(0.3, 1.0, 0.0, nose), "second", -0.2))
    if rng.random() < 0.5:
        out.append(Shape(strip(-1.0, 1.0, 0.78, 0.88), "light", -0.1))
    windows = rng.choice((1, 2, 3))
    r = 0.085 if windows == 1 else 0.055
    for k in range(windows):
        y = top + tall * (nose + 0.16 + 0.19 * k)
        out.append(Shape(circle(0.5, y, r), "light", -0.1))
        out.append(Shape(circle(0.5, y, r * 0.66), "dark", 0.1))
    middle = ((0.475, foot - 0.2), (0.525, foot - 0.2), (0.525, low - 0.01), (0.475, low - 0.01))
    out.append(Shape(middle, "second", -0.1))
    return out


def train(rng: random.Random) -> list[Shape]:
    """Steam engine in profile, short or long, with its chimney, dome, cab and smoke."""
    out: list[Shape] = []
    wheel = rng.choice((0.085, 0.11))
    wagon = rng.random() < 0.45
    cab = 0.34 if wagon else 0.1
    front = 0.9
    floor = 0.8
    boiler = rng.choice((0.44, 0.5))
    chimney = rng.choice(("straight", "funnel", "cap"))
    x = front - 0.12
    top = rng.uniform(0.24, 0.3)
    puffs = rng.choice((1, 2, 3))
    for k in range(puffs):
        r = 0.045 + 0.02 * k
        out.append(
            Shape(circle(x - 0.02 - 0.11 * k, top - 0.03 - 0.035 * k, r), "light", -0.05 * k)
        )
    w = 0.045
    if chimney == "funnel":
        outline: tuple[Point, ...] = (
            (x - w * 2.1, top),
            (x + w * 2.1, top),
            (x + w, boiler + 0.02),
            (x - w, boiler + 0.02),
        )
    else:
        outline = box(x - w, top, x + w, boiler + 0.02)
    out.append(Shape(outline, "dark", 0.1))
    if chimney == "cap":
        out.append(Shape(box(x - w * 1.7, top, x + w * 1.7, top + 0.05), "accent"))
    mid = (cab + 0.28 + x) / 2
    dome = rng.choice((0.05, 0.065))
    out.append(Shape(opening(mid, dome, boiler - 0.04, boiler + 0.02), "accent"))
    if wagon:
        out.append(Shape(box(0.03, 0.54, cab - 0.04, floor), "second"))
        heap = curve(((0.05, 0.55), (0.1, 0.48), (0.17, 0.45), (0.25, 0.49), (0.28, 0.55)), n=4)
        out.append(Shape(heap, "dark"))
    out.append(Shape(box(cab + 0.2, boiler, front, floor), "main", 0.08))
    out.append(Shape(box(cab + 0.2, floor - 0.12, front, floor), "main", -0.25))
    out.append(Shape(box(front - 0.1, boiler - 0.015, front, floor), "dark", 0.2))
    out.append(
        Shape(
            ellipse(front, (boiler + floor) / 2 - 0.02, 0.045, (floor - boiler) * 0.4), "dark", 0.35
        )
    )
    x = front - 0.13
    out.append(Shape(box(x - 0.02, boiler, x + 0.02, floor), "accent", -0.1))
    out.append(Shape(box(cab, 0.34, cab + 0.25, floor), "main", -0.08))
    roof = rng.choice(("flat", "arched"))
    if roof == "flat":
        out.append(Shape(box(cab - 0.04, 0.29, cab + 0.29, 0.36), "second"))
    else:
        arch = curve(
            ((cab - 0.04, 0.37), (cab + 0.04, 0.29), (cab + 0.21, 0.29), (cab + 0.29, 0.37)), n=8
        )
        out.append(Shape(arch, "second"))
    out.append(Shape(box(cab + 0.06, 0.42, cab + 0.19, 0.57), "light"))
    out.append(
        Shape(
            ((front - 0.04, floor), (front + 0.03, floor), (1.0, 0.97), (front - 0.06, 0.97)),
            "accent",
            -0.2,
        )
    )
    out.append(Shape(box(0.05, floor - 0.02, front + 0.02, floor + 0.04), "dark"))
    small = 0.075
    wheels = [(cab + 0.12, wheel + 0.02)]
    rest = rng.choice((2, 3)) if not wagon else 2
    span = front - 0.1 - (cab + 0.3)
    wheels += [(cab + 0.34 + (span - 0.04) * k / (rest - 1), small) for k in range(rest)]
    wheels += [(0.09, small), (0.23, small)] if wagon else []
    for x, r in wheels:
        out.append(Shape(circle(x, 0.985 - r, r), "dark"))
        if r > 0.08 or not wagon:
            out.append(Shape(circle(x, 0.985 - r, r * 0.5), "second", 0.2))
    return out
