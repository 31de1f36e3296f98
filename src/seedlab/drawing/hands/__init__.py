"""The fictional artists: one file a hand, ``hand(scene, palette, rng, side) -> Image`` (RGB)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from PIL import Image

from seedlab.drawing.hands.airbrush import airbrush
from seedlab.drawing.hands.cut_paper import cut_paper
from seedlab.drawing.hands.dots import dots
from seedlab.drawing.hands.facets import facets
from seedlab.drawing.hands.impasto import impasto
from seedlab.drawing.hands.ink_wash import ink_wash
from seedlab.drawing.hands.linocut import linocut
from seedlab.drawing.hands.mosaic import mosaic
from seedlab.drawing.palettes import Palette
from seedlab.drawing.scene import Scene

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
