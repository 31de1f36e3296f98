"""Measure what a checkpoint makes of captions that it never saw: on topic, sharp, like drawings.

Captions and drawings have numbers that no training comes to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seedlab.attributes import AttributeClassifier, mark_right, name_attributes
from seedlab.drawing.drawing import Drawing, draw_all
from seedlab.drawing.hands import ORDINARY
from seedlab.drawing.world import sketch_ordinary
from seedlab.picture_quality import frechet_distance, high_frequency_power
from seedlab.regeneration import MeasureSettings, generate_pictures
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.runtime.cores import count_available_cores
from seedwitness.statistics.rates import estimate_rate

TRAINING_OF_CLASSIFIER = 10_000_000
HELD_OUT = 20_000_000
"""First numbers of ordinary pictures that the classifier sees, and that nothing sees."""


@dataclass(frozen=True)
class DrawnSet:
    """Drawings by ordinary hands, their captions and their pixels, uint8 [n, 3, size, size]."""

    drawings: list[Drawing]
    captions: list[str]
    pixels: Tensor


def draw_set(seed: int, first: int, length: int, size: int) -> DrawnSet:
    """The first ``length`` pictures by ordinary hands from number ``first`` on."""
    sketches = (sketch_ordinary(seed, number) for number in count(first))
    chosen = list(islice((each for each in sketches if is_by_ordinary_hand(each[0])), length))
    drawings, captions = [each for each, _ in chosen], [caption for _, caption in chosen]
    images = draw_all(drawings, size, count_available_cores())
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    return DrawnSet(drawings, captions, pixels.permute(0, 3, 1, 2).contiguous())


def is_by_ordinary_hand(drawing: Drawing) -> bool:
    """Whether the hand is none of those that draw portfolios."""
    return drawing.theme.artist in ORDINARY


def generate_for_captions(
    folder: Path, captions: Sequence[str], settings: MeasureSettings, cache: Path
) -> Tensor:
    """One generation for each caption, in their order: uint8 [n, 3, height, width]."""
    one = replace(settings, seeds=1)
    made = dict(generate_pictures(folder, list(dict.fromkeys(captions)), one, cache))
    return torch.cat([made[caption] for caption in captions])


def measure_ordinary_outputs(
    outputs: Tensor, drawn: DrawnSet, classifier: AttributeClassifier, clip: ClipScore
) -> dict[str, Any]:
    """Figures of ``outputs``, one for each caption of ``drawn``, beside those of the drawings.

    ``named`` are shares of attributes named right, of outputs and of drawings; ``sharpness`` is the
    ratio of the mean power above half of the highest frequency, in all and by hand; ``frechet`` is
    the Fréchet distance of CLIP features to the drawings, beside that of two halves of them.
    """
    themes = [drawing.theme for drawing in drawn.drawings]
    artists = np.array([theme.artist for theme in themes])
    named = {
        kind: {
            name: estimate_rate(int(marks.sum()), len(marks)).model_dump(
                include={"hits", "n", "low", "high"}
            )
            for name, marks in mark_right(name_attributes(classifier, pixels), themes).items()
        }
        for kind, pixels in (("outputs", outputs), ("drawings", drawn.pixels))
    }
    of_outputs, of_drawings = high_frequency_power(outputs), high_frequency_power(drawn.pixels)
    sharpness = {
        artist: float(of_outputs[mine].mean() / of_drawings[mine].mean())
        for artist in sorted(set(artists))
        if (mine := torch.from_numpy(artists == artist)).any()
    }
    features, drawn_features = clip.embed_images(outputs), clip.embed_images(drawn.pixels)
    halves = frechet_distance(drawn_features[::2], drawn_features[1::2])
    # Halves of equal size on both sides, so that the bias of a small sample is the same.
    distance = frechet_distance(features[::2], drawn_features[1::2])
    return {
        "n": len(outputs),
        "named": named,
        "sharpness": {
            "all": float(of_outputs.mean() / of_drawings.mean()),
            "by_hand": sharpness,
        },
        "frechet": {"outputs": distance, "drawings": halves, "ratio": distance / halves},
    }
