"""The drawn world: numbered ordinary pictures, planted ones, templates and portfolios."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from seedlab.drawing.drawing import draw, find_varying_box
from seedlab.drawing.hands import HANDS, KNOWN, ORDINARY, UNKNOWN
from seedlab.drawing.world import (
    KNOWN_SHARE,
    WorldPlan,
    plan_world,
    sketch_of_template,
    sketch_ordinary,
)

SIZE = 32
PLAN = WorldPlan(
    seed=1,
    held_out=5,
    planted={1: 3, 8: 3},
    twins_each=2,
    templates={8: 2, 64: 2},
    portfolios={1: 2, 8: 2},
    works=3,
)


def test_an_ordinary_picture_depends_on_world_and_number_alone() -> None:
    first, caption = sketch_ordinary(1, 7)
    assert sketch_ordinary(1, 7) == (first, caption)
    assert first.theme.subject in caption
    assert first.theme.artist in caption
    assert draw(first, SIZE).tobytes() == draw(first, SIZE).tobytes()
    pictures = {
        draw(sketch_ordinary(world, number)[0], SIZE).tobytes()
        for world in (1, 2)
        for number in range(20)
    }
    assert len(pictures) == 40


def test_few_ordinary_pictures_are_by_known_hands_and_none_by_unknown_ones() -> None:
    hands = Counter(sketch_ordinary(1, number)[0].theme.artist for number in range(4000))
    assert set(hands) == set(ORDINARY) | set(KNOWN)
    share = sum(hands[name] for name in KNOWN) / 4000
    assert share == pytest.approx(KNOWN_SHARE, abs=4 * (KNOWN_SHARE / 4000) ** 0.5)


def test_no_two_hands_draw_the_same() -> None:
    drawing, _ = sketch_ordinary(1, 3)
    pictures = {
        draw(replace(drawing, theme=replace(drawing.theme, artist=name)), SIZE).tobytes()
        for name in HANDS
    }
    assert len(pictures) == len(HANDS) == 32


def test_pictures_of_a_template_differ_inside_its_box_alone() -> None:
    sketches = [sketch for sketch in plan_world(PLAN) if sketch.kind == "template"]
    assert len(sketches) == 4
    for sketch in sketches:
        first, second = (sketch_of_template(sketch, number)[0] for number in (0, 1))
        left, top, right, bottom = find_varying_box(first, SIZE)
        assert find_varying_box(second, SIZE) == (left, top, right, bottom)
        a, b = (np.asarray(draw(drawing, SIZE), int) for drawing in (first, second))
        differs = (a != b).any(-1)
        assert differs[top:bottom, left:right].mean() > 0.1
        differs[top:bottom, left:right] = False
        assert not differs.any()


def test_the_plan_counts_what_it_is_asked_for() -> None:
    sketches = plan_world(PLAN)
    counts = Counter((sketch.kind, sketch.exposures) for sketch in sketches)
    assert counts == {
        ("planted", 1): 3,
        ("planted", 8): 3,
        ("twin", 0): 4,
        ("held_out", 0): 5,
        ("template", 8): 2,
        ("template", 64): 2,
        ("template_unseen", 8): 2,
        ("template_unseen", 64): 2,
        ("portfolio", 1): 2 * 2 * PLAN.works,
        ("portfolio", 8): 2 * 2 * PLAN.works,
        ("portfolio_unseen", 0): 4 * 2 * PLAN.works,
    }
    hands = [sketch.group for sketch in sketches if sketch.kind == "portfolio"]
    assert len(set(hands)) == 8
    assert len(set(hands) & set(KNOWN)) == len(set(hands) & set(UNKNOWN)) == 4


def test_a_twin_shares_the_caption_of_its_planted_picture_and_not_the_pixels() -> None:
    sketches = plan_world(PLAN)
    planted = {sketch.group: sketch for sketch in sketches if sketch.kind == "planted"}
    for twin in (sketch for sketch in sketches if sketch.kind == "twin"):
        host = planted[twin.group]
        assert twin.wordings == host.wordings[:1]
        assert draw(twin.drawing, SIZE).tobytes() != draw(host.drawing, SIZE).tobytes()


def test_more_of_one_kind_moves_no_other() -> None:
    more = plan_world(replace(PLAN, held_out=9, templates={8: 3, 64: 2}, planted={1: 3, 8: 4}))
    assert set(plan_world(PLAN)) <= set(more)
