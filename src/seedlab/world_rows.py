"""The pictures of a drawn world that a ground truth lists, with their drawings and ids."""

from __future__ import annotations

from dataclasses import dataclass

import PIL

from seedlab.drawing.drawing import Drawing
from seedlab.drawing.world import Sketch, WorldPlan, plan_world, sketch_ordinary
from seedlab.ground_truth import PictureRecord, Split
from seedlab.settings import WorldPictures
from seedwitness.runtime.code_graph import hash_code


@dataclass(frozen=True)
class WorldEntry:
    """A row of the ground truth before its picture is drawn."""

    id: str
    split: Split
    multiplicity: int
    drawing: Drawing
    wordings: tuple[str, ...]
    twin_of: str
    group: str

    def as_row(self, sha256: str) -> PictureRecord:
        """The row of the ground truth; ``sha256`` is the hash of the pixels."""
        return PictureRecord(
            id=self.id,
            file_name=f"{self.id}.png",
            split=self.split,
            multiplicity=self.multiplicity,
            caption=self.wordings[0],
            wordings=self.wordings,
            artist=self.drawing.theme.artist,
            twin_of=self.twin_of,
            sha256=sha256,
            group=self.group,
        )


def describe_drawing(section: WorldPictures) -> dict[str, object]:
    """All that decides the pixels and captions of numbered pictures; it belongs into cache keys."""
    return {
        "seed": section.seed,
        "size": section.size,
        "code": hash_code("seedlab.drawing.world"),
        "pillow": PIL.__version__,
    }


def make_plan(section: WorldPictures) -> WorldPlan:
    """The plan of the special pictures."""
    return WorldPlan(
        seed=section.seed,
        held_out=section.held_out,
        planted=section.planted,
        twins_each=section.twins_each,
        templates=section.templates,
        portfolios=section.portfolios,
        works=section.works,
        variants=section.variants,
    )


def list_world(section: WorldPictures) -> list[WorldEntry]:
    """All special pictures in the order of the plan, then the first ordinary ones.

    The id of an ordinary picture is its number after an ``o``.
    """
    sketches = plan_world(make_plan(section))
    planted = {
        sketch.group: f"{index:05d}"
        for index, sketch in enumerate(sketches)
        if sketch.kind == "planted"
    }
    special = [_make_entry(f"{k:05d}", sketch, planted) for k, sketch in enumerate(sketches)]
    return special + [_make_ordinary(section.seed, number) for number in range(section.once)]


def _make_entry(name: str, sketch: Sketch, planted: dict[str, str]) -> WorldEntry:
    return WorldEntry(
        id=name,
        split=sketch.kind,
        multiplicity=sketch.exposures,
        drawing=sketch.drawing,
        wordings=sketch.wordings,
        twin_of=planted[sketch.group] if sketch.kind == "twin" else "",
        group=sketch.drawing.layout,
    )


def _make_ordinary(seed: int, number: int) -> WorldEntry:
    drawing, caption = sketch_ordinary(seed, number)
    return WorldEntry(f"o{number:06d}", "once", 1, drawing, (caption,), "", "")
