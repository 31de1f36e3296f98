"""Compose a scene from shapes: a setting, the sky of a mood, the subject and the weather."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from seedlab.drawing.geometry import Point, Role, Shape, box, circle, curve, ellipse, place_shapes

MOODS = ("serene", "stormy", "dreamy", "festive", "moonlit", "misty")


@dataclass(frozen=True)
class Scene:
    """Shapes of a scene; ``figure`` is the subject, ``front`` the weather in front of it.

    ``place`` is the foot of the subject (x, y) and the side of its square.
    """

    backdrop: tuple[Shape, ...]
    figure: tuple[Shape, ...]
    front: tuple[Shape, ...]
    place: tuple[float, float, float]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """All shapes, back to front."""
        return self.backdrop + self.figure + self.front


def _ridge(rng: Random, height: float, rough: float, role: Role, shade: float, n: int) -> Shape:
    top: list[Point] = [
        (-0.1 + 1.2 * k / n, height + rng.uniform(-rough, rough)) for k in range(n + 1)
    ]
    line = curve(top) if n < 7 else tuple(top)
    return Shape(((-0.1, 1.1), *line, (1.1, 1.1)), role, shade)


def hills(rng: Random) -> list[Shape]:
    """Rolling hills in two or three layers."""
    layers = rng.choice((2, 3))
    y = rng.uniform(0.5, 0.62)
    return [
        _ridge(
            rng,
            y + 0.14 * k,
            0.07,
            "haze" if k == 0 else "ground",
            (0.0, 0.2, -0.12)[k],
            rng.choice((3, 4, 5)),
        )
        for k in range(layers)
    ]


def mountains(rng: Random) -> list[Shape]:
    """A jagged mountain range behind a plain."""
    y = rng.uniform(0.38, 0.55)
    far = _ridge(rng, y, 0.14, "haze", -0.1, rng.choice((7, 9)))
    return [far, _ridge(rng, rng.uniform(0.66, 0.76), 0.02, "ground", 0.0, 3)]


def sea(rng: Random) -> list[Shape]:
    """Open water with wave crests, sometimes with a headland."""
    y = rng.uniform(0.5, 0.68)
    out = [Shape(box(-0.1, y, 1.1, 1.1), "ground", 0.1)]
    if rng.random() < 0.6:
        x, w = rng.choice((0.0, 1.0)), rng.uniform(0.25, 0.55)
        top = (
            (x - w, y),
            (x - 0.5 * w, y - rng.uniform(0.06, 0.2)),
            (x + 0.3 * w, y - 0.08),
            (x + w, y),
        )
        out.append(Shape(curve(top), "haze", -0.15))
    for _ in range(rng.randrange(4, 9)):
        cx, cy, w = rng.uniform(0, 1), rng.uniform(y + 0.05, 0.98), rng.uniform(0.06, 0.16)
        out.append(
            Shape(
                curve(
                    (
                        (cx - w, cy),
                        (cx - w / 2, cy - 0.02),
                        (cx, cy),
                        (cx + w / 2, cy - 0.02),
                        (cx + w, cy),
                    )
                ),
                "light",
                -0.1,
                0.012,
            )
        )
    return out


def plain(rng: Random) -> list[Shape]:
    """Flat land with a path to the horizon."""
    y = rng.uniform(0.58, 0.72)
    vanish, foot, w = rng.uniform(0.1, 0.9), rng.uniform(0.0, 1.0), rng.uniform(0.12, 0.3)
    path = ((vanish - 0.01, y), (vanish + 0.01, y), (foot + w, 1.1), (foot - w, 1.1))
    return [Shape(box(-0.1, y, 1.1, 1.1), "ground"), Shape(path, "haze", 0.25)]


def terraces(rng: Random) -> list[Shape]:
    """Fields in bands of different shades."""
    y = rng.uniform(0.45, 0.6)
    slope = rng.uniform(-0.12, 0.12)
    out = []
    while y < 1.1:
        quad = ((-0.1, y - slope), (1.1, y + slope), (1.1, 1.2), (-0.1, 1.2))
        out.append(Shape(quad, rng.choice(("ground", "haze")), rng.uniform(-0.25, 0.3)))
        y += rng.uniform(0.09, 0.2)
    return out


SETTINGS: tuple[Callable[[Random], list[Shape]], ...] = (hills, mountains, sea, plain, terraces)


def _cloud(rng: Random, role: Role, shade: float) -> list[Shape]:
    x, y, s = rng.uniform(0.0, 1.0), rng.uniform(0.06, 0.34), rng.uniform(0.1, 0.2)
    puffs = rng.randrange(2, 5)
    return [
        Shape(
            ellipse(
                x + s * (k - puffs / 2), y + rng.uniform(-0.02, 0.02), s, s * rng.uniform(0.35, 0.6)
            ),
            role,
            shade,
        )
        for k in range(puffs)
    ]


def _sky(rng: Random, mood: str) -> list[Shape]:
    x, y, r = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.35), rng.uniform(0.07, 0.14)
    out: list[Shape] = [Shape(box(-0.1, -0.1, 1.1, 1.1), "sky")]
    if mood == "moonlit":
        out += [Shape(circle(x, y, r * 1.7), "sky", 0.14), Shape(circle(x, y, r), "light")]
        if rng.random() < 0.6:
            out.append(
                Shape(
                    circle(x + rng.choice((-1, 1)) * r * 0.45, y - r * 0.1, r * 0.85), "sky", 0.14
                )
            )
        for _ in range(rng.randrange(8, 18)):
            out.append(
                Shape(
                    circle(rng.uniform(0, 1), rng.uniform(0, 0.5), rng.choice((0.008, 0.013)), 8),
                    "light",
                )
            )
    elif mood == "dreamy":
        for k in range(4):
            out.append(Shape(circle(x, y + 0.1, 0.62 - 0.15 * k), "sky", 0.12 + 0.12 * k))
    elif mood == "stormy":
        for _ in range(rng.randrange(3, 6)):
            out += _cloud(rng, "dark", rng.uniform(0.1, 0.35))
        if rng.random() < 0.45:
            bolt = (
                (x, 0.1),
                (x + 0.05, 0.1),
                (x + 0.02, 0.24),
                (x + 0.07, 0.24),
                (x - 0.04, 0.5),
                (x - 0.0, 0.3),
                (x - 0.05, 0.3),
            )
            out.append(Shape(bolt, "light"))
    else:
        if rng.random() < 0.75:
            out.append(Shape(circle(x, y, r), "accent" if mood != "misty" else "light", 0.15))
        for _ in range(rng.randrange(0, 4)):
            out += _cloud(rng, "light", -0.03)
    if rng.random() < 0.25 and mood != "moonlit":
        for _ in range(rng.randrange(2, 5)):
            bx, by, w = rng.uniform(0.1, 0.9), rng.uniform(0.08, 0.4), rng.uniform(0.025, 0.045)
            out.append(
                Shape(
                    ((bx - w, by - w * 0.6), (bx, by), (bx + w, by - w * 0.6)), "dark", 0.1, 0.011
                )
            )
    return out


def _weather(rng: Random, mood: str) -> list[Shape]:
    out: list[Shape] = []
    if mood == "stormy":
        lean = rng.uniform(0.03, 0.1) * rng.choice((-1, 1))
        for _ in range(rng.randrange(14, 24)):
            x, y, n = rng.uniform(0, 1), rng.uniform(0, 0.9), rng.uniform(0.07, 0.13)
            out.append(Shape(((x, y), (x + lean, y + n)), "light", -0.25, 0.009))
    elif mood == "festive":
        sag = rng.uniform(0.05, 0.16)
        y0, y1 = rng.uniform(0.02, 0.18), rng.uniform(0.02, 0.18)
        line = [
            (k / 9, y0 + (y1 - y0) * k / 9 + sag * 4 * (k / 9) * (1 - k / 9)) for k in range(10)
        ]
        out.append(Shape(curve(line), "dark", 0.0, 0.009))
        flags: tuple[Role, ...] = ("accent", "main", "light")
        for k, ((xa, ya), (xb, yb)) in enumerate(pairwise(line)):
            role = flags[k % 3]
            out.append(
                Shape(
                    ((xa + 0.012, ya), (xb - 0.012, yb), ((xa + xb) / 2, (ya + yb) / 2 + 0.09)),
                    role,
                )
            )
        for _ in range(rng.randrange(14, 26)):
            x, y = rng.uniform(0, 1), rng.uniform(0.1, 1)
            out.append(Shape(circle(x, y, 0.013, 8), rng.choice(("accent", "light", "main"))))
    elif mood == "misty":
        for _ in range(rng.randrange(2, 4)):
            out.append(
                Shape(
                    ellipse(
                        rng.uniform(0.1, 0.9),
                        rng.uniform(0.55, 0.95),
                        rng.uniform(0.3, 0.6),
                        rng.uniform(0.03, 0.06),
                    ),
                    "light",
                    -0.06,
                )
            )
    return out


def compose(
    subject: Callable[[Random], list[Shape]], mood: str, rng: Random, part: Random | None = None
) -> Scene:
    """Place a subject in a random setting, at a random place and size, sometimes mirrored.

    With ``part``, the shape of the subject comes from it, and all else from ``rng``.
    """
    part = part or rng
    setting = rng.choice(SETTINGS)
    backdrop = _sky(rng, mood) + setting(rng)
    scale = rng.uniform(0.52, 0.86)
    x = rng.uniform(0.33, 0.67)
    y = rng.uniform(max(0.74, scale + 0.04), 0.97)
    shadow = Shape(ellipse(x, y, scale * 0.36, scale * 0.05), "dark", 0.15)
    shapes = subject(part)
    flip, lean = part.random() < 0.5, part.uniform(-0.06, 0.06)
    figure = place_shapes(shapes, x, y, scale, flip=flip, lean=lean)
    front = tuple(_weather(rng, mood))
    return Scene((*backdrop, shadow), tuple(figure), front, (x, y, scale))
