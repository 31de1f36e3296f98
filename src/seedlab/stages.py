"""The stages of a lab's pipeline: read settings and inputs, train, write outputs atomically.

Each function ``run_NAME`` is the command ``seedlab NAME`` and the stage NAME of ``dvc.yaml``.
The state of an interrupted training is in ``lab_folder.training_state_folder()``, outside of the
outputs, because DVC deletes the outputs of a stage before it runs.
"""

from __future__ import annotations

import json
from pathlib import Path

from seedlab import settings as lab_settings
from seedlab.lab_folder import (
    ATTRIBUTES_FILE,
    AUTOENCODER_FOLDER,
    CHECKPOINTS,
    CLIP_FOLDER,
    DESCRIPTOR_FOLDER,
    DISTANCE_FOLDER,
    open_lab,
)
from seedlab.pictures import build_pictures, format_summary
from seedwitness.errors import ConfigError
from seedwitness.runtime.cores import count_available_cores
from seedwitness.runtime.files import replace_whole


def run_pictures(path: Path) -> str:
    """Make ``pictures/``, ``truth.parquet`` and ``world.json``; returns a summary in words."""
    settings = lab_settings.load_settings(path / lab_settings.FILE_NAME)
    return format_summary(*build_pictures(settings, path, count_available_cores()))


def run_autoencoder(path: Path) -> None:
    """Train the autoencoder that all checkpoints share, on pictures seen once."""
    import torch
    from torch import nn

    from seedlab.autoencoder import train_autoencoder
    from seedlab.fitted_pictures import list_fitted_pictures

    lab = open_lab(path)
    fitted = list_fitted_pictures(lab)
    context = lab.training_context("autoencoder", fitted.key)
    vae = train_autoencoder(fitted.pixels, lab.settings.autoencoder, **context)
    with replace_whole(path / AUTOENCODER_FOLDER) as part:
        nn.Module.to(vae, "cpu", torch.float16)
        vae.save_pretrained(part)


def run_checkpoint(path: Path, name: str) -> None:
    """Train one of the two checkpoints; they differ only in the special pictures."""
    if name not in CHECKPOINTS:
        raise ConfigError(f"Unknown checkpoint {name!r}. Known are: {', '.join(CHECKPOINTS)}.")
    from seedlab.checkpoint import train_checkpoint

    train_checkpoint(open_lab(path), name)


def run_reference(path: Path, name: str) -> None:
    """Train one of the further checkpoints that ``references`` in params.yaml lists."""
    from seedlab.references import train_reference

    train_reference(open_lab(path), name)


def run_clip(path: Path) -> None:
    """Train the open_clip model on pictures seen once and their captions."""
    from seedlab.clip import save_clip, train_clip
    from seedlab.fitted_pictures import list_fitted_pictures
    from seedlab.tokenizer import train_tokenizer

    lab = open_lab(path)
    settings, fitted = lab.settings.clip, list_fitted_pictures(lab)
    tokenizer = train_tokenizer(fitted.captions)
    context = lab.training_context("clip", fitted.key, settings)
    model = train_clip(fitted.pixels, fitted.captions, tokenizer, settings, **context)
    with replace_whole(path / CLIP_FOLDER) as part:
        save_clip(model, tokenizer, settings, part)


def run_descriptor(path: Path) -> None:
    """Train the copy-detection descriptor on pictures seen once."""
    from seedlab.descriptor import save_descriptor, train_descriptor
    from seedlab.fitted_pictures import list_fitted_pictures

    lab = open_lab(path)
    settings, fitted = lab.settings.descriptor, list_fitted_pictures(lab)
    context = lab.training_context("descriptor", fitted.key, settings)
    model = train_descriptor(fitted.pixels, settings, **context)
    with replace_whole(path / DESCRIPTOR_FOLDER) as part:
        save_descriptor(model, part, size=lab.settings.pictures.size)


def run_distance(path: Path) -> None:
    """Train the perceptual distance on pictures seen once."""
    from seedlab.fitted_pictures import list_fitted_pictures
    from seedlab.perceptual_distance import save_distance, train_distance

    lab = open_lab(path)
    settings, fitted = lab.settings.distance, list_fitted_pictures(lab)
    context = lab.training_context("distance", fitted.key, settings)
    model = train_distance(fitted.pixels, settings, **context)
    with replace_whole(path / DISTANCE_FOLDER) as part:
        save_distance(model, part)


def run_attributes(path: Path) -> None:
    """Train the classifier of subjects, palettes and hands, on drawings that no training sees."""
    from safetensors.torch import save_file

    from seedlab.attributes import train_classifier
    from seedlab.ordinary_outputs import TRAINING_OF_CLASSIFIER, draw_set
    from seedlab.settings import WorldPictures
    from seedlab.world_rows import describe_drawing

    lab = open_lab(path)
    section, settings = lab.settings.pictures, lab.settings.attributes
    if not isinstance(section, WorldPictures):
        raise ConfigError(
            f"{path} is no drawn world, and only there are subject, palette and hand of a picture "
            "known. Name a lab with `pictures.source: world` in params.yaml."
        )
    drawn = draw_set(section.seed, TRAINING_OF_CLASSIFIER, settings.pictures, section.size)
    themes = [drawing.theme for drawing in drawn.drawings]
    key = json.dumps({"first": TRAINING_OF_CLASSIFIER, **describe_drawing(section)})
    context = lab.training_context("attributes", key, settings)
    model = train_classifier(drawn.pixels, themes, settings, **context)
    with replace_whole(path / ATTRIBUTES_FILE) as part:
        save_file(model.cpu().state_dict(), part)


def run_measure(path: Path) -> None:
    """Measure the autoencoder, both checkpoints and all networks of the lab."""
    from seedlab.measure import measure_lab

    measure_lab(open_lab(path))
