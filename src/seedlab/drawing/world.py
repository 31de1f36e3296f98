"""The drawn world: which pictures there are, who is planted, held out or a twin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from PIL import Image

from seedlab.drawing.grammar import COUNT, caption
from seedlab.drawing.hands import ARTISTS
from seedlab.drawing.media import MEDIA
from seedlab.drawing.palettes import PALETTES
from seedlab.drawing.picture import Theme, draw
from seedlab.drawing.scene import MOODS
from seedlab.drawing.subjects import SUBJECTS
from seedlab.truth import Split


@dataclass(frozen=True)
class Sketch:
    """A picture before it is drawn: its theme, its captions and the seed of all the rest."""

    id: str
    split: Split
    multiplicity: int
    theme: Theme
    wordings: tuple[str, ...]
    twin_of: str
    seed: str


def _themes(rng: Random, count: int) -> list[Theme]:
    """Themes, all different; every value of an attribute is as frequent as its others."""
    columns = []
    for values in (SUBJECTS, ARTISTS, PALETTES, MOODS, MEDIA):
        column = [value for _ in range(count // len(values) + 1) for value in values][:count]
        rng.shuffle(column)
        columns.append(column)
    return list(dict.fromkeys(Theme(*row) for row in zip(*columns, strict=True)))


def sketches(
    seed: int,
    *,
    themes: int,
    once: int,
    held_out: int,
    planted: dict[int, int],
    twins_each: int,
    variants: int = 3,
) -> list[Sketch]:
    """The plan of the drawn world, from one seed.

    Every picture gets a theme from one common pool, so several pictures share most captions and
    the splits differ in nothing but how often they are seen; no two planted pictures share a
    theme. ``planted`` maps multiplicity to the number of pictures; the first ``twins_each`` of
    each multiplicity get a twin.
    """
    rng = Random(f"plan/{seed}")
    pool = _themes(rng, themes)
    wording = {theme: rng.randrange(COUNT) for theme in pool}
    out: list[Sketch] = []

    def add(split: Split, multiplicity: int, theme: Theme, count: int, twin_of: str = "") -> None:
        number = len(out)
        words = tuple(caption(theme, wording[theme] + k) for k in range(count))
        identity = f"{number:04d}"
        out.append(
            Sketch(identity, split, multiplicity, theme, words, twin_of, f"picture/{seed}/{number}")
        )

    hosts = iter(rng.sample(pool, sum(planted.values())))
    for multiplicity, count in planted.items():
        for _ in range(count):
            add("planted", multiplicity, next(hosts), 1 + variants)
    by_count = {m: [s for s in out if s.multiplicity == m] for m in planted}
    for group in by_count.values():
        for original in group[:twins_each]:
            add("twin", 0, original.theme, 1, twin_of=original.id)
    for _ in range(once):
        add("once", 1, rng.choice(pool), 1)
    for _ in range(held_out):
        add("held_out", 0, rng.choice(pool), 1)
    return out


def _drawn(job: tuple[Theme, str, int]) -> bytes:
    return draw(*job).tobytes()


def draw_all(
    plan: Sequence[Sketch], size: int, workers: int
) -> Iterator[tuple[Sketch, Image.Image]]:
    """Draw the sketches in their order; the number of workers changes nothing but the time."""
    jobs = [(s.theme, s.seed, size) for s in plan]
    with ProcessPoolExecutor(workers) as pool:
        for sketch, pixels in zip(plan, pool.map(_drawn, jobs, chunksize=8), strict=True):
            yield sketch, Image.frombytes("RGB", (size, size), pixels)
