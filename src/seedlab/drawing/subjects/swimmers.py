"""Swimmers: fish and whale."""

from __future__ import annotations

import random

from seedlab.drawing.geometry import Point, Role, Shape, circle, curve, ellipse
from seedlab.drawing.subjects.outlines import limb


def fish(rng: random.Random) -> list[Shape]:
    """Fish in profile: slim, oval or tall, with one of three tails and of four patterns."""
    kind = rng.choice(("slim", "oval", "tall"))
    high = {"slim": 0.17, "oval": 0.27, "tall": 0.35}[kind]
    nose, root = 0.96, {"slim": 0.2, "oval": 0.26, "tall": 0.32}[kind]
    cy = 0.55
    out: list[Shape] = []

    def half(t: float) -> float:
        """Half height at ``t`` from the root of the tail (0) to the nose (1)."""
        return high * (0.14 * (1 - t) + 2.1 * t * (1 - t) * (1 + 0.75 * t)) / 0.85

    def strip(t0: float, t1: float, up: float = -1.0, down: float = 1.0) -> tuple[Point, ...]:
        rows = [t0 + (t1 - t0) * k / 16 for k in range(17)]
        return (
            *((root + (nose - root) * t, cy + up * half(t)) for t in rows),
            *((root + (nose - root) * t, cy + down * half(t)) for t in reversed(rows)),
        )

    tail = rng.choice(("fork", "fan", "round"))
    x, reach = root + 0.05, rng.uniform(0.17, 0.25)
    if tail == "fork":
        fin: tuple[Point, ...] = (
            (x, cy - 0.04),
            (0.03, cy - reach),
            (0.13, cy),
            (0.03, cy + reach),
            (x, cy + 0.04),
        )
    elif tail == "fan":
        fin = ((x, cy - 0.04), (0.06, cy - reach), (0.03, cy), (0.06, cy + reach), (x, cy + 0.04))
    else:
        fin = curve(
            (
                (x, cy - 0.03),
                (0.12, cy - reach),
                (0.03, cy - 0.09),
                (0.09, cy),
                (0.03, cy + 0.09),
                (0.12, cy + reach),
                (x, cy + 0.03),
            ),
            closed=True,
            n=8,
        )
    out.append(Shape(fin, "second"))
    top, low = cy - high, cy + high
    crest = rng.choice(("sail", "spines", "swept"))
    if crest == "sail":
        out.append(
            Shape(
                curve(
                    (
                        (0.4, top + 0.12),
                        (0.46, top - 0.1),
                        (0.66, top - 0.1),
                        (0.8, top + 0.14),
                        (0.6, cy),
                    ),
                    closed=True,
                    n=8,
                ),
                "second",
            )
        )
    elif crest == "spines":
        spines: list[Point] = []
        for k in range(4):
            spines += [(0.4 + 0.1 * k, top - 0.09 + 0.015 * k), (0.47 + 0.1 * k, top + 0.02)]
        out.append(Shape(((0.42, cy), *spines, (0.78, cy)), "second"))
    else:
        out.append(Shape(((0.74, top + 0.1), (0.38, top - 0.1), (0.44, top + 0.12)), "second"))
    out.append(Shape(((0.66, low - 0.08), (0.46, low + 0.1), (0.46, low - 0.08)), "second", -0.2))
    out.append(Shape(strip(0.0, 1.0), "main"))
    out.append(Shape(strip(0.0, 1.0, 0.35), "main", -0.2))
    pattern = rng.choice(("bands", "spots", "mask", "stripe"))
    mark: Role = rng.choice(("light", "accent"))
    if pattern == "bands":
        count = rng.choice((2, 3))
        for k in range(count):
            t = 0.16 + 0.5 * k / (count - 1) - 0.06 * (count == 3)
            out.append(Shape(strip(t, t + 0.11), mark))
    elif pattern == "spots":
        for t, v in ((0.2, 0.0), (0.36, -0.45), (0.38, 0.3), (0.55, -0.1), (0.53, -0.65)):
            x = root + (nose - root) * t
            out.append(Shape(circle(x, cy + v * half(t), 0.2 * high), mark))
    elif pattern == "mask":
        out.append(Shape(strip(0.0, 0.3), mark))
    else:
        out.append(Shape(strip(0.02, 0.9, -0.5, -0.15), mark))
        out.append(Shape(strip(0.02, 0.9, 0.2, 0.5), mark, -0.1))
    if pattern == "mask" or rng.random() < 0.5:
        out.append(Shape(strip(0.72, 1.0), "accent" if mark == "light" else "second", 0.1))
    out.append(
        Shape(
            ((0.66, cy + 0.03), (0.5, cy + 0.02), (0.46, cy + 0.14), (0.58, cy + 0.13)),
            "second",
            -0.25,
        )
    )
    x = root + (nose - root) * 0.84
    out += [
        Shape(circle(x, cy - 0.035, 0.055), "light", 0.2),
        Shape(circle(x + 0.012, cy - 0.035, 0.032), "dark"),
    ]
    return out


def whale(rng: random.Random) -> list[Shape]:
    """Whale in profile, round or square-headed, tail up or level, with or without a spout."""
    head = rng.choice(("round", "square", "round"))
    raised = rng.choice((0.28, 0.4, 0.52))
    top = rng.uniform(0.44, 0.5)
    out: list[Shape] = []
    spout = rng.choice(("fountain", "plume", "none"))
    x = 0.72
    if spout == "fountain":
        for side in (-1, 1):
            jet = (
                (x, top + 0.05),
                (x + side * 0.01, top - 0.2),
                (x + side * 0.1, top - 0.29),
                (x + side * 0.18, top - 0.16),
            )
            out.append(Shape(limb(jet, (0.025, 0.022, 0.035, 0.03)), "light", 0.1))
    elif spout == "plume":
        out.append(Shape(limb(((x, top + 0.05), (x, top - 0.16)), (0.022, 0.035)), "light", 0.1))
        for u, v, r in ((-0.09, -0.22, 0.065), (0.09, -0.21, 0.055), (0.0, -0.28, 0.075)):
            out.append(Shape(circle(x + u, top + v, r), "light", 0.1))
    fluke_x, fluke_y = 0.14, raised
    for side in (-1, 1):
        tip = (fluke_x + side * 0.15 - 0.01, fluke_y - 0.15 - 0.02 * side)
        fluke = curve(
            (
                (fluke_x + 0.01, fluke_y + 0.06),
                (fluke_x + side * 0.09, fluke_y - 0.02),
                tip,
                (fluke_x + side * 0.03, fluke_y - 0.09),
            ),
            closed=True,
            n=8,
        )
        out.append(Shape(fluke, "main", 0.1 if side < 0 else -0.25))
    back: list[Point]
    if head == "round":
        back = [
            (0.11, raised),
            (0.22, 0.62),
            (0.42, top + 0.05),
            (0.66, top),
            (0.88, top + 0.1),
            (0.97, 0.72),
            (0.9, 0.88),
            (0.66, 0.95),
            (0.4, 0.94),
            (0.2, 0.84),
            (0.1, 0.62),
        ]
    else:
        back = [
            (0.11, raised),
            (0.22, 0.64),
            (0.42, top + 0.07),
            (0.62, top),
            (0.92, top + 0.01),
            (0.98, top + 0.09),
            (0.97, 0.74),
            (0.86, 0.8),
            (0.76, 0.93),
            (0.46, 0.96),
            (0.22, 0.85),
            (0.1, 0.62),
        ]
    body = curve(back, closed=True, n=8)
    out.append(Shape(body, "main"))
    if head == "round":
        belly = curve(
            (
                (0.965, 0.75),
                (0.9, 0.88),
                (0.66, 0.95),
                (0.4, 0.94),
                (0.25, 0.87),
                (0.5, 0.84),
                (0.7, 0.78),
            ),
            closed=True,
            n=8,
        )
        out.append(Shape(belly, "light", -0.05))
        for k in range(rng.choice((0, 3))):
            y = 0.81 + 0.045 * k
            out.append(
                Shape(
                    ((0.58 - 0.03 * k, y + 0.02), (0.92 - 0.03 * k, y - 0.02)), "second", 0.0, 0.02
                )
            )
    else:
        jaw = curve(
            ((0.9, 0.78), (0.8, 0.86), (0.74, 0.93), (0.5, 0.955), (0.34, 0.92), (0.55, 0.86)),
            closed=True,
            n=8,
        )
        out.append(Shape(jaw, "light", -0.05))
        out.append(Shape(((0.97, 0.75), (0.74, 0.77)), "dark", 0.0, 0.024))
    if rng.random() < 0.5:
        out.append(Shape(((0.36, top + 0.1), (0.3, top - 0.03), (0.48, top + 0.04)), "main", -0.2))
    fin = curve(
        ((0.6, 0.78), (0.5, 0.86), (0.4, 0.98), (0.5, 0.97), (0.64, 0.86)), closed=True, n=8
    )
    out.append(Shape(fin, "main", -0.3))
    ex = 0.8
    out += [
        Shape(circle(ex, 0.68, 0.04), "light", 0.2),
        Shape(circle(ex + 0.006, 0.68, 0.026), "dark"),
    ]
    if rng.random() < 0.5:
        for x, y in ((0.36, 0.66), (0.46, 0.6), (0.5, 0.7), (0.58, 0.57)):
            out.append(Shape(circle(x, y, 0.03), "second", 0.25))
    if rng.random() < 0.5:
        wave = [(k / 8, 0.9 + (0.03 if k % 2 else -0.015)) for k in range(9)]
        out.append(Shape((*curve(wave, n=4), (0.97, 1.0), (0.03, 1.0)), "second", -0.1))
    else:
        out.append(Shape(ellipse(0.55, 0.98, 0.36, 0.02), "second", -0.2))
    return out
