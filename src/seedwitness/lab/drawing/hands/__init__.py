"""The fictional artists: one file a hand, ``hand(scene, palette, rng, side) -> Image`` (RGB)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from PIL import Image

from seedwitness.lab.drawing.hands.airbrush import airbrush
from seedwitness.lab.drawing.hands.cut_paper import cut_paper
from seedwitness.lab.drawing.hands.dots import dots
from seedwitness.lab.drawing.hands.facets import facets
from seedwitness.lab.drawing.hands.impasto import impasto
from seedwitness.lab.drawing.hands.ink_wash import ink_wash
from seedwitness.lab.drawing.hands.linocut import linocut
from seedwitness.lab.drawing.hands.mosaic import mosaic
from seedwitness.lab.drawing.palettes import Palette
from seedwitness.lab.drawing.scene import Scene

Hand = Callable[[Scene, Palette, Random, int], Image.Image]

ARTISTS: dict[str, Hand] = {
    "Mara Tindholt": cut_paper,
    "Ilo Vanterpool": dots,
    "Sefa Brandvik": linocut,
    "Quill Aramoto": ink_wash,
    "Oskar Nemet": mosaic,
    "Petra Lumen": impasto,
    "Dov Halloran": facets,
    "Anwen Castell": airbrush,
}
