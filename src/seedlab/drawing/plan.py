"""Plan the drawn pictures: theme, captions, split and multiplicity of each, from one seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from PIL import Image

from seedlab.drawing.captions import WORDING_COUNT, write_caption
from seedlab.drawing.media import MEDIA
from seedlab.drawing.palettes import PALETTES
from seedlab.drawing.picture import Theme, draw_picture
from seedlab.drawing.scene import MOODS
from seedlab.drawing.styles import ARTISTS
from seedlab.drawing.subjects import SUBJECTS
from seedlab.ground_truth import Split


@dataclass(frozen=True)
class Sketch:
    """A picture before it is drawn: its theme, its captions and the seed of everything else."""

    id: str
    split: Split
    multiplicity: int
    theme: Theme
    wordings: tuple[str, ...]
    twin_of: str
    seed: str


def _make_themes(rng: Random, count: int) -> list[Theme]:
    """Different themes, in which the values of each attribute are about equally frequent."""
    columns = []
    for values in (SUBJECTS, ARTISTS, PALETTES, MOODS, MEDIA):
        column = [value for _ in range(count // len(values) + 1) for value in values][:count]
        rng.shuffle(column)
        columns.append(column)
    return list(dict.fromkeys(Theme(*row) for row in zip(*columns, strict=True)))


def plan_sketches(
    seed: int,
    *,
    themes: int,
    once: int,
    held_out: int,
    planted: dict[int, int],
    twins_each: int,
    variants: int = 3,
) -> list[Sketch]:
    """All sketches of a lab, from one seed.

    The themes of all pictures come from one pool of ``themes``. So most captions belong to several
    pictures, and the splits differ only in how often an epoch shows them. Planted pictures have
    different themes. ``planted`` maps multiplicity to the number of pictures; the first
    ``twins_each`` of each multiplicity get a twin.
    """
    rng = Random(f"plan/{seed}")
    pool = _make_themes(rng, themes)
    wording = {theme: rng.randrange(WORDING_COUNT) for theme in pool}
    planned: list[Sketch] = []

    def add(split: Split, multiplicity: int, theme: Theme, count: int, twin_of: str = "") -> None:
        number = len(planned)
        words = tuple(write_caption(theme, wording[theme] + k) for k in range(count))
        sketch_id = f"{number:04d}"
        planned.append(
            Sketch(
                sketch_id, split, multiplicity, theme, words, twin_of, f"picture/{seed}/{number}"
            )
        )

    planted_themes = iter(rng.sample(pool, sum(planted.values())))
    for multiplicity, count in planted.items():
        for _ in range(count):
            add("planted", multiplicity, next(planted_themes), 1 + variants)
    groups = [[s for s in planned if s.multiplicity == m] for m in planted]
    for group in groups:
        for original in group[:twins_each]:
            add("twin", 0, original.theme, 1, twin_of=original.id)
    for _ in range(once):
        add("once", 1, rng.choice(pool), 1)
    for _ in range(held_out):
        add("held_out", 0, rng.choice(pool), 1)
    return planned


def _draw_bytes(job: tuple[Theme, str, int]) -> bytes:
    return draw_picture(*job).tobytes()


def draw_sketches(
    plan: Sequence[Sketch], size: int, workers: int
) -> Iterator[tuple[Sketch, Image.Image]]:
    """Draw the sketches in their order; the number of workers does not change the pixels."""
    jobs = [(s.theme, s.seed, size) for s in plan]
    with ProcessPoolExecutor(workers) as pool:
        for sketch, pixels in zip(plan, pool.map(_draw_bytes, jobs, chunksize=8), strict=True):
            yield sketch, Image.frombytes("RGB", (size, size), pixels)
