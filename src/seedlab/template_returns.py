"""Measure whether a template's layout returns for a caption that no training saw, and its part.

All pictures of a template are equal outside of a box. A generation may bring the layout back and
draw something else in the box: a template copy (Webster 2023).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seedlab.drawing.drawing import Box, Drawing, draw, find_varying_box
from seedlab.drawing.world import Sketch
from seedlab.regeneration import ALPHA
from seedwitness.statistics.rates import estimate_rate

OTHER_PARTS = 19
"""Other parts of the same subject that a part is compared with: one in twenty is nearest by chance.
"""


@dataclass(frozen=True)
class TemplateReturn:
    """What the generations for the caption of one picture of a template brought back.

    ``layout_p`` is the rank of the least distance outside of the box among those of generations for
    held-out captions. ``part_first`` says whether, in the box, a generation comes nearer to the
    picture than to any other part. ``nearest`` is the generation nearest outside of the box.
    """

    sketch: Sketch
    layout_p: float
    part_first: bool
    nearest: Tensor


def measure_template(
    sketch: Sketch, outputs: Tensor, others: Sequence[Tensor], size: int
) -> TemplateReturn:
    """Rank ``outputs`` for the caption of ``sketch``, uint8 [seeds, 3, size, size].

    ``others`` are as many outputs of the same checkpoint for each of the held-out captions.
    """
    picture = _draw_pixels(sketch.drawing, size)
    inside = mark_box(find_varying_box(sketch.drawing, size), size)
    distances = region_distances(outputs, picture, ~inside)
    closest = float(distances.min())
    null = [float(region_distances(pixels, picture, ~inside).min()) for pixels in others]
    close = sum(distance <= closest for distance in null)
    own = float(region_distances(outputs, picture, inside).min())
    parts = [
        float(region_distances(outputs, _draw_pixels(other, size), inside).min())
        for other in _other_parts(sketch.drawing)
    ]
    return TemplateReturn(
        sketch, (1 + close) / (1 + len(null)), own < min(parts), outputs[int(distances.argmin())]
    )


def summarise_templates(returns: Sequence[TemplateReturn]) -> dict[str, Any]:
    """Rates by exposures: layouts that return at p ≤ 1 %, and parts that are nearest, by kind."""
    groups: dict[int, list[TemplateReturn]] = defaultdict(list)
    for each in returns:
        groups[each.sketch.exposures].append(each)
    return {
        str(exposures): {
            "layout": _rate(
                [each.layout_p <= ALPHA for each in group if each.sketch.kind == "template_unseen"]
            ),
            "part_unseen": _rate(
                [each.part_first for each in group if each.sketch.kind == "template_unseen"]
            ),
            "part_shown": _rate(
                [each.part_first for each in group if each.sketch.kind == "template"]
            ),
        }
        for exposures, group in sorted(groups.items())
    }


def list_templates(sketches: Sequence[Sketch]) -> list[Sketch]:
    """The sketches that belong to templates: one that is shown and one that is not, of each."""
    return [sketch for sketch in sketches if sketch.kind in ("template", "template_unseen")]


def measure_templates(
    sketches: Sequence[Sketch],
    outputs: Mapping[str, Tensor],
    others: Sequence[Tensor],
    size: int,
) -> list[TemplateReturn]:
    """``measure_template`` of each sketch, with ``outputs`` by caption."""
    return [
        measure_template(sketch, outputs[sketch.wordings[0]], others, size) for sketch in sketches
    ]


def mark_box(box: Box, size: int) -> Tensor:
    """Which pixels lie in a box: bool [size, size]."""
    left, top, right, bottom = box
    inside = torch.zeros(size, size, dtype=torch.bool)
    inside[top:bottom, left:right] = True
    return inside


def region_distances(pictures: Tensor, picture: Tensor, region: Tensor) -> Tensor:
    """Root mean square difference within a region, of uint8 [n, 3, h, w] and [3, h, w]: [n].

    ``region`` is bool [h, w]; the range of the result is 0 to 1.
    """
    difference = (pictures[..., region].float() - picture[..., region].float()) / 255
    return difference.square().mean((-2, -1)).sqrt()


def _other_parts(drawing: Drawing) -> list[Drawing]:
    """Drawings with the same layout and subject whose parts no training saw."""
    return [
        Drawing(drawing.theme, f"{drawing.layout}/other/{number}/part", drawing.layout)
        for number in range(OTHER_PARTS)
    ]


def _draw_pixels(drawing: Drawing, size: int) -> Tensor:
    return torch.from_numpy(np.array(draw(drawing, size))).permute(2, 0, 1)


def _rate(hits: Sequence[bool]) -> dict[str, Any]:
    rate = estimate_rate(sum(hits), len(hits))
    return rate.model_dump(include={"hits", "n", "low", "high"})
