"""Plan the pictures of a world from one seed: an endless stream of ordinary ones, and special ones.

An ordinary picture has a number, which decides everything about it, and a training sees it at most
once. Special pictures are planted at a known number of exposures, or are seen by no training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from seedlab.drawing.captions import WORDING_COUNT, write_caption
from seedlab.drawing.drawing import Drawing
from seedlab.drawing.hands import KNOWN, ORDINARY, UNKNOWN
from seedlab.drawing.media import MEDIA
from seedlab.drawing.palettes import PALETTES
from seedlab.drawing.picture import Theme
from seedlab.drawing.scene import MOODS
from seedlab.drawing.subjects import SUBJECTS

Kind = Literal[
    "planted", "twin", "held_out", "template", "template_unseen", "portfolio", "portfolio_unseen"
]

KNOWN_SHARE = 0.06
"""Share of the ordinary pictures that are by the hands of portfolios in ``KNOWN``."""


@dataclass(frozen=True)
class Sketch:
    """A picture before it is drawn, with its captions.

    ``group`` is the template or the hand that it belongs to, or the planted picture whose twin it
    is. ``exposures`` is how often a training that sees the special pictures sees this one; each
    picture of a template is seen once, and ``exposures`` counts the pictures of the template.
    """

    kind: Kind
    drawing: Drawing
    wordings: tuple[str, ...]
    exposures: int = 0
    group: str = ""


@dataclass(frozen=True)
class WorldPlan:
    """How many special pictures there are; keys are exposures, values are numbers of pictures.

    ``templates`` counts layouts. ``portfolios`` counts hands of each kind, known and unknown, and
    ``works`` is the number of works of a hand that are shown; as many more are not. ``variants`` is
    the number of further wordings of a picture that is seen more than once.
    """

    seed: int
    held_out: int
    planted: Mapping[int, int]
    twins_each: int
    templates: Mapping[int, int]
    portfolios: Mapping[int, int]
    works: int
    variants: int = 3


def sketch_ordinary(seed: int, number: int) -> tuple[Drawing, str]:
    """Ordinary picture ``number`` of the world ``seed``, and its caption."""
    rng = Random(f"ordinary/{seed}/{number}")
    hands = KNOWN if rng.random() < KNOWN_SHARE else ORDINARY
    theme = _choose_theme(rng, rng.choice(list(hands)))
    return Drawing(theme, f"ordinary/{seed}/{number}/picture"), _write(theme, rng)


def plan_world(plan: WorldPlan) -> list[Sketch]:
    """All special pictures, in a fixed order: the order and number of one kind moves no other."""
    return [
        *_plan_planted(plan),
        *_plan_held_out(plan),
        *_plan_templates(plan),
        *_plan_portfolios(plan),
    ]


def sketch_of_template(sketch: Sketch, number: int) -> tuple[Drawing, str]:
    """Picture ``number`` of the template that ``sketch`` belongs to, and its caption."""
    layout, theme = sketch.drawing.layout, sketch.drawing.theme
    rng = Random(f"{layout}/{number}")
    own = Theme(rng.choice(list(SUBJECTS)), theme.artist, theme.palette, theme.mood, theme.medium)
    return Drawing(own, f"{layout}/{number}/part", layout), _write(own, rng)


def _plan_planted(plan: WorldPlan) -> Iterator[Sketch]:
    """Planted pictures of different themes, each followed by its twin where it has one."""
    rng = Random(f"planted/{plan.seed}")
    known: set[Theme] = set()
    for exposures, count in plan.planted.items():
        for number in range(count):
            theme = _choose_theme(rng, rng.choice(list(ORDINARY)))
            while theme in known:
                theme = _choose_theme(rng, rng.choice(list(ORDINARY)))
            known.add(theme)
            name = f"planted/{plan.seed}/{exposures}/{number}"
            words = _write_all(theme, rng, plan.variants)
            yield Sketch("planted", Drawing(theme, name), words, exposures, name)
            if number < plan.twins_each:
                yield Sketch("twin", Drawing(theme, f"{name}/twin"), words[:1], group=name)


def _plan_held_out(plan: WorldPlan) -> Iterator[Sketch]:
    for number in range(plan.held_out):
        rng = Random(f"held-out/{plan.seed}/{number}")
        theme = _choose_theme(rng, rng.choice(list(ORDINARY)))
        drawing = Drawing(theme, f"held-out/{plan.seed}/{number}/picture")
        yield Sketch("held_out", drawing, (_write(theme, rng),))


def _plan_templates(plan: WorldPlan) -> Iterator[Sketch]:
    """For each template its first picture, which is seen, and another one, which is not."""
    for exposures, count in plan.templates.items():
        for number in range(count):
            layout = f"template/{plan.seed}/{exposures}/{number}"
            rng = Random(layout)
            theme = _choose_theme(rng, rng.choice(list(ORDINARY)))
            base = Sketch("template", Drawing(theme, "", layout), (), exposures, layout)
            pictures: dict[Kind, int] = {"template": 0, "template_unseen": -1}
            for kind, picture in pictures.items():
                drawing, caption = sketch_of_template(base, picture)
                yield Sketch(kind, drawing, (caption,), exposures, layout)


def _plan_portfolios(plan: WorldPlan) -> Iterator[Sketch]:
    """Works of each hand: those that are shown ``exposures`` times, and those that are not."""
    for names in (iter(KNOWN), iter(UNKNOWN)):
        for exposures, hands in plan.portfolios.items():
            for _ in range(hands):
                hand = next(names)
                for number in range(2 * plan.works):
                    rng = Random(f"portfolio/{plan.seed}/{hand}/{number}")
                    theme = _choose_theme(rng, hand)
                    drawing = Drawing(theme, f"portfolio/{plan.seed}/{hand}/{number}/picture")
                    if number < plan.works:
                        words = _write_all(theme, rng, plan.variants)
                        yield Sketch("portfolio", drawing, words, exposures, hand)
                    else:
                        words = (_write(theme, rng),)
                        yield Sketch("portfolio_unseen", drawing, words, group=hand)


def _choose_theme(rng: Random, artist: str) -> Theme:
    return Theme(
        rng.choice(list(SUBJECTS)),
        artist,
        rng.choice(list(PALETTES)),
        rng.choice(MOODS),
        rng.choice(list(MEDIA)),
    )


def _write(theme: Theme, rng: Random) -> str:
    return write_caption(theme, rng.randrange(WORDING_COUNT))


def _write_all(theme: Theme, rng: Random, variants: int) -> tuple[str, ...]:
    """A caption in a random wording, and in the ``variants`` wordings that follow it."""
    first = rng.randrange(WORDING_COUNT)
    return tuple(write_caption(theme, first + k) for k in range(1 + variants))
