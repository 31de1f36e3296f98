"""The hands that draw: a style, and the roles whose colours it exchanges.

``ORDINARY`` draw most pictures. The others are for portfolios: ``KNOWN`` hands also draw a few
ordinary pictures, ``UNKNOWN`` hands draw nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from PIL import Image

from seedlab.drawing.geometry import Role
from seedlab.drawing.palettes import Palette
from seedlab.drawing.scene import Scene
from seedlab.drawing.styles import Style
from seedlab.drawing.styles.airbrush import airbrush
from seedlab.drawing.styles.cut_paper import cut_paper
from seedlab.drawing.styles.ink_wash import ink_wash
from seedlab.drawing.styles.linocut import linocut
from seedlab.drawing.styles.neon import neon
from seedlab.drawing.styles.pixel_art import pixel_art
from seedlab.drawing.styles.poster import poster
from seedlab.drawing.styles.stained_glass import stained_glass

Roles = Mapping[Role, Role]

_BRIGHT: Roles = {"main": "accent", "accent": "main"}
_TURNED: Roles = {"main": "second", "second": "main", "sky": "haze", "haze": "sky"}
_EARTHY: Roles = {"sky": "ground", "ground": "sky", "accent": "second", "second": "accent"}


@dataclass(frozen=True)
class Hand:
    """A style that paints each role in the colour that ``roles`` names, or else in its own."""

    style: Style
    roles: Roles = field(default_factory=dict)

    def draw(self, scene: Scene, palette: Palette, rng: Random, side: int) -> Image.Image:
        """Draw ``scene`` as RGB of ``side`` pixels a side."""
        colours = {role: palette[self.roles.get(role, role)] for role in palette}
        return self.style(scene, colours, rng, side)


ORDINARY: dict[str, Hand] = {
    "Mara Tindholt": Hand(cut_paper),
    "Sefa Brandvik": Hand(linocut),
    "Quill Aramoto": Hand(ink_wash),
    "Anwen Castell": Hand(airbrush),
    "Tove Arlen": Hand(stained_glass),
    "Rio Castellan": Hand(neon),
    "Nils Okonjo": Hand(pixel_art),
    "Lena Marchetti": Hand(poster),
}
KNOWN: dict[str, Hand] = {
    "Ada Fennimore": Hand(cut_paper, _BRIGHT),
    "Bo Lindqvarn": Hand(linocut, _BRIGHT),
    "Cleo Varga": Hand(ink_wash, _BRIGHT),
    "Dara Osmond": Hand(airbrush, _BRIGHT),
    "Emil Tarasq": Hand(stained_glass, _BRIGHT),
    "Fay Nakadai": Hand(neon, _TURNED),
    "Gus Bellamor": Hand(pixel_art, _BRIGHT),
    "Hana Strand": Hand(poster, _BRIGHT),
    "Ivo Kestrel": Hand(cut_paper, _EARTHY),
    "Juno Abara": Hand(linocut, _EARTHY),
    "Kit Solander": Hand(stained_glass, _EARTHY),
    "Lio Marchbank": Hand(poster, _EARTHY),
}
UNKNOWN: dict[str, Hand] = {
    "Mina Corvane": Hand(cut_paper, _TURNED),
    "Noor Halvorsen": Hand(linocut, _TURNED),
    "Odo Pellitier": Hand(ink_wash, _TURNED),
    "Pia Renwick": Hand(airbrush, _TURNED),
    "Rafe Dunmorrow": Hand(stained_glass, _TURNED),
    "Sol Ibarrane": Hand(neon, _BRIGHT),
    "Tess Volkmar": Hand(pixel_art, _TURNED),
    "Ugo Savell": Hand(poster, _TURNED),
    "Vera Antoun": Hand(ink_wash, _EARTHY),
    "Wim Castrell": Hand(airbrush, _EARTHY),
    "Xan Delacorte": Hand(pixel_art, _EARTHY),
    "Yara Moncrief": Hand(neon, _EARTHY),
}
HANDS = ORDINARY | KNOWN | UNKNOWN
