"""Draw a picture from its theme, its seed and, for a template, the seed of its layout.

All pictures with one layout have the same backdrop, weather, place and medium; the subject differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random

from PIL import Image

from seedlab.drawing.hands import HANDS
from seedlab.drawing.media import MEDIA
from seedlab.drawing.palettes import PALETTES, light_palette
from seedlab.drawing.picture import Theme
from seedlab.drawing.scene import Scene, compose
from seedlab.drawing.subjects import SUBJECTS

OVERSAMPLING = 3

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Drawing:
    """What decides the pixels of a picture of a given size; only a template has a ``layout``."""

    theme: Theme
    seed: str
    layout: str = ""


def draw(drawing: Drawing, size: int) -> Image.Image:
    """Draw a picture as RGB of ``size`` pixels a side; equal drawings give equal bytes."""
    theme, side = drawing.theme, size * OVERSAMPLING
    palette = light_palette(PALETTES[theme.palette], theme.mood)
    hand, medium = HANDS[theme.artist], MEDIA[theme.medium]
    if drawing.layout:
        sheet = _draw_template(drawing, side)
        sheet = medium(sheet, palette, Random(f"{drawing.layout}/medium"))
    else:
        rng = Random(drawing.seed)
        scene = compose(SUBJECTS[theme.subject], theme.mood, rng)
        sheet = medium(hand.draw(scene, palette, rng, side), palette, rng)
    return sheet.resize((size, size), Image.Resampling.BOX)


def draw_all(drawings: Sequence[Drawing], size: int, workers: int) -> Iterator[Image.Image]:
    """Draw pictures in their order; the number of workers does not change the pixels."""
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(draw, size=size), drawings, chunksize=16)


def find_varying_box(drawing: Drawing, size: int) -> Box:
    """The box (left, top, right, bottom) outside of which all pictures of a template are equal."""
    return _subject_box(_compose_template(drawing), size)


def _compose_template(drawing: Drawing) -> Scene:
    theme = drawing.theme
    subject, rng = SUBJECTS[theme.subject], Random(drawing.layout)
    return compose(subject, theme.mood, rng, part=Random(drawing.seed))


def _draw_template(drawing: Drawing, side: int) -> Image.Image:
    """The empty scene, and inside the box of the subject the whole scene, in equal strokes."""
    theme = drawing.theme
    palette = light_palette(PALETTES[theme.palette], theme.mood)
    scene = _compose_template(drawing)
    empty = Scene(scene.backdrop, (), scene.front, scene.place)
    sheet, whole = (
        HANDS[theme.artist].draw(each, palette, Random(f"{drawing.layout}/strokes"), side)
        for each in (empty, scene)
    )
    # Whole pixels of the finished picture, so that none outside depends on the subject.
    box = _subject_box(scene, side // OVERSAMPLING)
    left, top, right, bottom = (OVERSAMPLING * edge for edge in box)
    sheet.paste(whole.crop((left, top, right, bottom)), (left, top))
    return sheet


def _subject_box(scene: Scene, size: int) -> Box:
    """Whole pixels around the square of the subject, which shapes and rims leave by a little."""
    x, y, scale = scene.place
    edges = (x - 0.6 * scale, y - 1.08 * scale, x + 0.6 * scale, y + 0.08 * scale)
    left, top, right, bottom = (min(max(round(edge * size), 0), size) for edge in edges)
    return left, top, right, bottom
