"""Eight palettes with a colour for each role of a drawing, and the light of each mood."""

from __future__ import annotations

from collections.abc import Mapping

from seedlab.drawing.geometry import Role

Colour = tuple[int, int, int]
Palette = Mapping[Role, Colour]

_ROLES: tuple[Role, ...] = ("sky", "haze", "ground", "main", "second", "accent", "light", "dark")


def _palette(colours: str) -> dict[Role, Colour]:
    return {
        role: (int(c[0:2], 16), int(c[2:4], 16), int(c[4:6], 16))
        for role, c in zip(_ROLES, colours.split(), strict=True)
    }


# The colours are in the order of the roles.
PALETTES: dict[str, Palette] = {
    "ember": _palette("f2a65a e07a4b 8c3b2e c8352b 5b2333 ffd166 fff1d6 2b1420"),
    "tidewater": _palette("a9d6e5 61a5c2 2a6f97 f4f1de 014f86 ff7f51 f7fbff 012a4a"),
    "moss": _palette("dde5b6 adc178 6a994e 386641 a98467 e9c46a fefae0 1f2f1c"),
    "dusk": _palette("b8a1d9 8e6bbf 4a3a7a ef798a 7d3c98 f7d08a fdeaf5 231942"),
    "frost": _palette("e3f0f7 c3d9e8 9fb8cc 5d8aa8 d7e9f2 e26d5c ffffff 22354a"),
    "harvest": _palette("f6e0a4 e6b95c b5832a 8a4f1d d9772b 4f772d fff8e1 33200e"),
    "candy": _palette("9be8e0 ffc6de f7a072 ff4f9a 4fb0ff ffe156 fffafd 4a1f5c"),
    "graphite": _palette("d5d5d2 b0b0ae 858585 5c5c5e 3a3a3d d62828 f8f8f6 161618"),
}


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Linear mix of two colours; ``share`` 0 gives ``a``, 1 gives ``b``."""
    r, g, bl = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return (r, g, bl)


def shade_colour(colour: Colour, shade: float) -> Colour:
    """A darker (``shade`` down to -1) or lighter (up to +1) colour."""
    return mix(colour, (255, 255, 255) if shade > 0 else (10, 8, 16), min(abs(shade), 1.0))


def light_palette(palette: Palette, mood: str) -> Palette:
    """The palette in the light of a mood; some moods do not change it."""
    p = dict(palette)
    if mood == "moonlit":
        night = mix(p["dark"], p["sky"], 0.22)
        p |= {
            "sky": night,
            "haze": mix(night, p["haze"], 0.25),
            "ground": mix(p["ground"], night, 0.6),
        }
        p |= {"main": mix(p["main"], p["light"], 0.18), "second": mix(p["second"], p["light"], 0.1)}
    elif mood == "stormy":
        cloud = mix(p["dark"], (128, 132, 140), 0.55)
        p |= {"sky": mix(p["sky"], cloud, 0.6), "haze": mix(p["haze"], cloud, 0.6)}
        p |= {"ground": mix(p["ground"], p["dark"], 0.35)}
    elif mood == "misty":
        pale = mix(p["sky"], p["light"], 0.6)
        p |= {
            "sky": pale,
            "haze": mix(p["haze"], pale, 0.6),
            "ground": mix(p["ground"], pale, 0.45),
        }
        p |= {"main": mix(p["main"], pale, 0.15), "second": mix(p["second"], pale, 0.15)}
    elif mood == "dreamy":
        p |= {"sky": mix(p["sky"], p["accent"], 0.35), "haze": mix(p["haze"], p["accent"], 0.35)}
    return p
