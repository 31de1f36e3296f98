"""The order of exposures: ordinary pictures once, special ones as often as they are planned."""

from collections import Counter

import numpy as np
import pytest

from seedlab.drawing.world import WorldPlan, plan_world
from seedlab.exposures import SHOWN, ExposureSequence

SKETCHES = plan_world(
    WorldPlan(
        seed=1,
        held_out=3,
        planted={1: 2, 8: 2, 64: 1},
        twins_each=1,
        templates={8: 1},
        portfolios={8: 1},
        works=2,
    )
)
ORDINARY = 300


def read_whole(sequence: ExposureSequence, batch: int) -> list[tuple[str, int]]:
    """Every exposure in order: ("ordinary" or "special", its number)."""
    seen = []
    for start in range(0, sequence.length, batch):
        part = sequence.batch(start, min(start + batch, sequence.length))
        items = [("ordinary", int(k)) for block in part.ordinary_blocks for k in block]
        items += [("special", int(k)) for k in part.special]
        seen += [items[k] for k in part.order]
    return seen


@pytest.mark.parametrize("batch", [7, 32, 1000])
def test_each_picture_is_seen_exactly_as_often_as_planned(batch: int) -> None:
    sequence = ExposureSequence(SKETCHES, ORDINARY, seed=1, sees_special=True)
    seen = read_whole(sequence, batch)
    special = sum(sketch.exposures for sketch in SKETCHES if sketch.kind in SHOWN)
    assert len(seen) == sequence.length == ORDINARY + special
    assert sorted(k for kind, k in seen if kind == "ordinary") == list(range(ORDINARY))
    numbers = [k for kind, k in seen if kind == "special"]
    counts = Counter(int(sequence.sketches[k]) for k in numbers)
    assert counts == {
        index: sketch.exposures
        for index, sketch in enumerate(SKETCHES)
        if sketch.kind in SHOWN and sketch.exposures
    }
    copies = {(int(sequence.sketches[k]), int(sequence.copies[k])) for k in numbers}
    assert len(copies) == special  # no copy twice


def test_the_order_does_not_depend_on_the_batch() -> None:
    sequence = ExposureSequence(SKETCHES, ORDINARY, seed=1, sees_special=True)
    assert read_whole(sequence, 7) == read_whole(sequence, 64)
    other = ExposureSequence(SKETCHES, ORDINARY, seed=2, sees_special=True)
    assert read_whole(sequence, 64) != read_whole(other, 64)


def test_the_matched_checkpoint_sees_the_same_ordinary_pictures_and_others_instead() -> None:
    shown = read_whole(ExposureSequence(SKETCHES, ORDINARY, seed=1, sees_special=True), 32)
    matched = read_whole(ExposureSequence(SKETCHES, ORDINARY, seed=1, sees_special=False), 32)
    assert len(shown) == len(matched)
    for (kind, number), (other_kind, other) in zip(shown, matched, strict=True):
        assert other_kind == "ordinary"
        assert other == (number if kind == "ordinary" else ORDINARY + number)


def test_the_numbers_of_a_batch_are_consecutive() -> None:
    sequence = ExposureSequence(SKETCHES, ORDINARY, seed=1, sees_special=False)
    for start in range(0, sequence.length, 32):
        for block in sequence.batch(start, min(start + 32, sequence.length)).ordinary_blocks:
            assert np.all(np.diff(block) == 1)


def test_special_exposures_are_spread_over_the_whole_training() -> None:
    sequence = ExposureSequence(SKETCHES, ORDINARY, seed=1, sees_special=True)
    seen = read_whole(sequence, 64)
    half = sequence.length // 2
    first = sum(kind == "special" for kind, _ in seen[:half])
    rest = sum(kind == "special" for kind, _ in seen[half:])
    assert abs(first - rest) < 5 * (first + rest) ** 0.5
