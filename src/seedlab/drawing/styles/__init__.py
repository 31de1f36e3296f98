"""The fictional artists, one file a style: ``style(scene, palette, rng, side) -> Image`` (RGB).

The order of ``ARTISTS`` decides which theme belongs to which artist, so a new one comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from PIL import Image

from seedlab.drawing.palettes import Palette
from seedlab.drawing.scene import Scene
from seedlab.drawing.styles.airbrush import airbrush
from seedlab.drawing.styles.cut_paper import cut_paper
from seedlab.drawing.styles.dots import dots
from seedlab.drawing.styles.facets import facets
from seedlab.drawing.styles.impasto import impasto
from seedlab.drawing.styles.ink_wash import ink_wash
from seedlab.drawing.styles.linocut import linocut
from seedlab.drawing.styles.mosaic import mosaic

Style = Callable[[Scene, Palette, Random, int], Image.Image]

ARTISTS: dict[str, Style] = {
    "Mara Tindholt": cut_paper,
    "Ilo Vanterpool": dots,
    "Sefa Brandvik": linocut,
    "Quill Aramoto": ink_wash,
    "Oskar Nemet": mosaic,
    "Petra Lumen": impasto,
    "Dov Halloran": facets,
    "Anwen Castell": airbrush,
}
