"""Whether a template's layout and its part return: known outputs, known answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seedlab.drawing.drawing import Drawing, draw, find_varying_box
from seedlab.drawing.world import Sketch, WorldPlan, plan_world
from seedlab.seed_dependence import measure_seed_dependence
from seedlab.template_returns import (
    list_templates,
    mark_box,
    measure_template,
    region_distances,
    summarise_templates,
)
from seedwitness.metrics.lpips_distance import load_lab

SIZE = 64
LPIPS = Path(__file__).parents[2] / "data/lab/metrics/distance/lpips.safetensors"


def pixels(drawing: Drawing) -> Tensor:
    return torch.from_numpy(np.array(draw(drawing, SIZE))).permute(2, 0, 1)


@pytest.fixture(scope="module")
def templates() -> list[Sketch]:
    plan = WorldPlan(1, 110, {2: 1}, 0, {8: 3}, {}, 2)
    return list_templates(plan_world(plan))


@pytest.fixture(scope="module")
def others() -> list[Tensor]:
    plan = WorldPlan(2, 110, {2: 1}, 0, {}, {}, 2)
    held_out = [sketch for sketch in plan_world(plan) if sketch.kind == "held_out"]
    return [pixels(sketch.drawing)[None] for sketch in held_out]


def test_a_picture_of_the_template_brings_its_layout_back_and_not_its_part(
    templates: list[Sketch], others: list[Tensor]
) -> None:
    unseen = [each for each in templates if each.kind == "template_unseen"]
    returns = []
    for each in unseen:
        other = replace(each.drawing, seed="another part")
        returns.append(measure_template(each, pixels(other)[None], others, SIZE))
    assert all(each.layout_p == 1 / 111 for each in returns)
    assert sum(each.part_first for each in returns) < len(returns)
    copies = [measure_template(each, pixels(each.drawing)[None], others, SIZE) for each in unseen]
    assert all(each.layout_p == 1 / 111 and each.part_first for each in copies)
    shown = [each for each in templates if each.kind == "template"]
    returns = [measure_template(each, pixels(each.drawing)[None], others, SIZE) for each in shown]
    rates = summarise_templates(copies + returns)["8"]
    assert {kind: (rate["hits"], rate["n"]) for kind, rate in rates.items()} == {
        "layout": (3, 3),
        "part_unseen": (3, 3),
        "part_shown": (3, 3),
    }


def test_an_output_of_another_layout_does_not(
    templates: list[Sketch], others: list[Tensor]
) -> None:
    for each in templates:
        result = measure_template(each, others[0], others, SIZE)
        assert result.layout_p > 1 / 111
        assert torch.equal(result.nearest, others[0][0])


def test_a_distance_counts_its_region_alone(templates: list[Sketch]) -> None:
    picture = pixels(templates[0].drawing)
    inside = mark_box(find_varying_box(templates[0].drawing, SIZE), SIZE)
    changed = torch.where(inside, 255 - picture, picture)
    assert 0 < inside.sum() < SIZE * SIZE
    assert region_distances(changed[None], picture, ~inside).item() == 0
    assert region_distances(changed[None], picture, inside).item() > 0.1


def test_equal_outputs_do_not_depend_on_their_seed_and_other_drawings_do(
    templates: list[Sketch], others: list[Tensor]
) -> None:
    lpips = load_lab(LPIPS)
    drawings = [draw(each.drawing, SIZE) for each in templates]
    same = {"same": others[0].expand(4, -1, -1, -1).contiguous()}
    different = {"different": torch.cat(others[:4])}
    figures = measure_seed_dependence(lpips, same | different, drawings)
    assert (figures["captions"]["hits"], figures["captions"]["n"]) == (1, 2)
    assert figures["line"] > 0
