"""Measure what only a drawn world knows of a checkpoint: ordinary outputs, seeds and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from seedlab import sheets
from seedlab.attributes import AttributeClassifier, build_classifier
from seedlab.drawing.world import plan_world
from seedlab.ordinary_outputs import (
    HELD_OUT,
    DrawnSet,
    draw_set,
    generate_for_captions,
    measure_ordinary_outputs,
)
from seedlab.regeneration import generate_pictures
from seedlab.seed_dependence import measure_seed_dependence
from seedlab.settings import WorldPictures
from seedlab.template_returns import list_templates, measure_templates, summarise_templates
from seedlab.world_rows import make_plan
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.metrics.lpips_distance import LpipsDistance

if TYPE_CHECKING:
    from seedlab.lab_folder import Lab


@dataclass(frozen=True)
class WorldMeasures:
    """Networks and drawings that every checkpoint of a drawn world is measured with."""

    lab: Lab
    section: WorldPictures
    classifier: AttributeClassifier
    clip: ClipScore
    lpips: LpipsDistance
    drawn: DrawnSet
    latent_cache: Path


@dataclass(frozen=True)
class WorldFigures:
    """Figures of one checkpoint, and its sheets by name."""

    figures: dict[str, Any]
    sheets: dict[str, Image.Image]


def load_world_measures(
    lab: Lab, section: WorldPictures, clip: ClipScore, lpips: LpipsDistance, latent_cache: Path
) -> WorldMeasures:
    """Load the classifier of attributes, and draw pictures for captions that no training saw."""
    from seedlab.lab_folder import ATTRIBUTES_FILE

    classifier = build_classifier(lab.settings.attributes)
    classifier.load_state_dict(load_file(lab.path / ATTRIBUTES_FILE))
    drawn = draw_set(section.seed, HELD_OUT, lab.settings.measure.ordinary, section.size)
    return WorldMeasures(lab, section, classifier.eval(), clip, lpips, drawn, latent_cache)


def measure_on_world(
    world: WorldMeasures, name: str, held_out: Mapping[str, Tensor]
) -> WorldFigures:
    """Figures of checkpoint ``name``; ``held_out`` are its outputs by held-out caption.

    They are uint8 [seeds, 3, size, size].
    """
    settings = world.lab.settings.measure
    folder = world.lab.path / "checkpoints" / name
    ordinary_settings = replace(settings, guidance=settings.ordinary_guidance)
    outputs = generate_for_captions(
        folder, world.drawn.captions, ordinary_settings, world.latent_cache
    )
    templates = list_templates(plan_world(make_plan(world.section)))
    captions = list(dict.fromkeys(sketch.wordings[0] for sketch in templates))
    of_templates = dict(generate_pictures(folder, captions, settings, world.latent_cache))
    returns = measure_templates(
        templates, of_templates, list(held_out.values()), world.section.size
    )
    drawings = [sheets.to_image(pixels) for pixels in world.drawn.pixels]
    return WorldFigures(
        {
            "ordinary": measure_ordinary_outputs(
                outputs, world.drawn, world.classifier, world.clip
            ),
            "seed_dependence": measure_seed_dependence(world.lpips, held_out, drawings),
            "templates": summarise_templates(returns),
        },
        {
            "ordinary": sheets.draw_ordinary_sheet(outputs, world.drawn.captions),
            "templates": sheets.draw_template_sheet(returns, world.section.size, settings.shown),
        },
    )
