"""Draw one picture from its theme and its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image

from seedlab.drawing.media import MEDIA
from seedlab.drawing.palettes import PALETTES, light_palette
from seedlab.drawing.scene import compose
from seedlab.drawing.styles import ARTISTS
from seedlab.drawing.subjects import SUBJECTS

OVERSAMPLING = 4


@dataclass(frozen=True)
class Theme:
    """The attributes that a caption names; the seed decides everything else about a picture."""

    subject: str
    artist: str
    palette: str
    mood: str
    medium: str


def draw_picture(theme: Theme, seed: str, size: int = 128) -> Image.Image:
    """Draw ``theme`` as RGB of ``size`` pixels a side; the same seed gives the same bytes."""
    rng = Random(seed)
    side = size * OVERSAMPLING
    palette = light_palette(PALETTES[theme.palette], theme.mood)
    scene = compose(SUBJECTS[theme.subject], theme.mood, rng)
    sheet = ARTISTS[theme.artist](scene, palette, rng, side)
    sheet = MEDIA[theme.medium](sheet, palette, rng)
    return sheet.resize((size, size), Image.Resampling.BOX)
