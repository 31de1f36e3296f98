"""Measures the ladders and the memorisation detectors, for targets and controls alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ReachSettings, SearchSettings
from seedwitness.config.verdicts import DetectorSettings
from seedwitness.detectors.runner import run_detectors
from seedwitness.metrics.scoring import Metric
from seedwitness.prompts.classes import PictureTexts, list_class_prompts, load_wild_prompts
from seedwitness.reachability.class_rungs import compute_class_rungs
from seedwitness.reachability.ladder import Rung, compute_ladder, resize_for_search, score_ladder

DESCRIPTOR = "descriptor"


def measure_ladders(
    loaded: LoadedCheckpoint,
    metrics: Mapping[str, Metric],
    images: Sequence[Image.Image],
    prompts: Sequence[str],
    settings: ReachSettings,
    search: SearchSettings,
    texts: Sequence[PictureTexts] = (),
) -> tuple[list[Rung], list[list[dict[str, Any]]]]:
    """The rungs of both ladders, and for each image its rows of ``records.REACH``.

    Each image is sampled with its own prompt, and with prompts of each class where
    ``settings.classes`` asks for them, from its ``texts``. Both lists are empty if neither a
    strength nor classes are set.
    """
    if not images or not (settings.strengths or settings.classes):
        return [], []
    pixels = torch.stack([resize_for_search(loaded, image, search) for image in images])
    rungs = compute_ladder(loaded, pixels, prompts, settings, search)
    if settings.classes:
        wild = load_wild_prompts(settings.classes.wild)
        by_rung = list_class_prompts(texts, settings.classes, wild)
        rungs += compute_class_rungs(loaded, by_rung, settings.classes.seeds, search)
    rows = [score_ladder(metrics, rungs, number, pixels[number]) for number in range(len(images))]
    return rungs, rows


def measure_detectors(
    loaded: LoadedCheckpoint,
    metrics: Mapping[str, Metric],
    images: Sequence[Image.Image],
    prompts: Sequence[str],
    settings: DetectorSettings,
    search: SearchSettings,
) -> list[list[dict[str, Any]]]:
    """The rows of ``records.DETECTIONS`` of each image under its own prompt."""
    similarity = metrics[DESCRIPTOR].score if DESCRIPTOR in metrics else None

    def detect(image: Image.Image, prompt: str) -> list[dict[str, Any]]:
        pixels: Tensor = resize_for_search(loaded, image, search)
        return run_detectors(loaded, prompt, pixels, settings, search, similarity)

    if not settings.names:
        return []
    return [detect(image, prompt) for image, prompt in zip(images, prompts, strict=True)]
