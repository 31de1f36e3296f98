"""The lab's demonstration: a few pictures, both checkpoints, one page to open."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from seedwitness.files import write_whole
from seedwitness.lab.measure import weights_in
from seedwitness.lab.promises import told
from seedwitness.lab.regeneration import Thresholds, generations, score
from seedwitness.lab.report import figures_of
from seedwitness.lab.sheets import picture
from seedwitness.lab.truth import Picture
from seedwitness.metrics import descriptor as descriptors

if TYPE_CHECKING:
    from torch import Tensor

    from seedwitness.evidence.rates import Rate
    from seedwitness.lab.home import Lab

SAID = {
    "planted": "seen {m} times in training",
    "once": "seen once in training",
    "held_out": "never seen",
    "twin": "never seen; a planted picture has its very caption",
}


@dataclass(frozen=True)
class Shown:
    """One target on one checkpoint: the nearest generation and what it means."""

    checkpoint: str
    best: str
    descriptor: float
    patch_l2: float
    seed: int
    regenerating: int
    seeds: int


@dataclass(frozen=True)
class Target:
    """One target of the page, with its answers on both checkpoints."""

    picture: str
    caption: str
    truth: str
    shown: list[Shown]


def targets(lab: Lab) -> list[Picture]:
    """Two planted pictures of each multiplicity, and one seen once, one held out and one twin."""
    planted = sorted({row.multiplicity for row in lab.rows if row.split == "planted"}, reverse=True)
    groups = [
        [row for row in lab.rows if row.split == "planted" and row.multiplicity == m][:2]
        for m in planted
    ]
    groups += [
        [row for row in lab.rows if row.split == split][:1]
        for split in ("once", "held_out", "twin")
    ]
    return [row for group in groups for row in group]


def run(lab: Lab, out: Path) -> Path:
    """Ask both checkpoints for a few pictures by their captions, and write the page ``out``."""
    from seedwitness.lab.home import CHECKPOINTS, DESCRIPTOR, scratch

    figures = figures_of(lab.path)
    copies = descriptors.load(weights_in(lab.path / DESCRIPTOR))
    rows = targets(lab)
    images = dict(zip((row.id for row in rows), lab.few(rows), strict=True))
    captions = list(dict.fromkeys(row.caption for row in rows))
    cache = scratch().parent / "generations"
    answers: dict[str, list[Shown]] = {row.id: [] for row in rows}
    for name in CHECKPOINTS:
        made = generations(lab.path / "checkpoints" / name, captions, lab.settings.measure, cache)
        scores, best = score(made, rows, images, copies, set(images))
        limits = Thresholds(**figures[name]["thresholds"])
        hits = limits.met(scores)
        for row in rows:
            own = scores[scores["id"] == row.id].reset_index(drop=True)
            nearest = own.iloc[int(own["descriptor"].to_numpy().argmin())]
            answers[row.id].append(
                Shown(
                    checkpoint=name,
                    best=embedded(best[row.id]),
                    descriptor=float(nearest["descriptor"]),
                    patch_l2=float(nearest["patch_l2"]),
                    seed=int(nearest["seed"]),
                    regenerating=int(hits[scores["id"] == row.id].sum()),
                    seeds=len(own),
                )
            )
    shown = [
        Target(
            embedded(images[row.id]),
            row.caption,
            SAID[row.split].format(m=row.multiplicity),
            answers[row.id],
        )
        for row in rows
    ]
    environment = Environment(
        loader=PackageLoader("seedwitness.lab"), autoescape=True, undefined=StrictUndefined
    )
    rates: dict[str, dict[str, Rate]] = {
        name: {m: told(entry) for m, entry in figures[name]["planted"].items()}
        for name in CHECKPOINTS
    }
    page = environment.get_template("demo.html").render(
        lab=lab.name,
        targets=shown,
        settings=lab.settings.measure,
        limits={name: figures[name]["thresholds"] for name in CHECKPOINTS},
        controls=figures["pictures"]["held_out"],
        rates=rates,
    )
    write_whole(out, page)
    return out


def embedded(pixels: Tensor, side: int = 256) -> str:
    """A picture as a data URL, so that the page asks for nothing outside itself."""
    file = BytesIO()
    picture(pixels).resize((side, side), Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
