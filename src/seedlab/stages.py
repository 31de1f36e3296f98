"""The stages of a lab's pipeline: read settings and inputs, train, write outputs atomically.

Each function ``run_NAME`` is the command ``seedlab NAME`` and the stage NAME of ``dvc.yaml``.
The state of an interrupted training is in ``lab_folder.training_state_folder()``, outside of the
outputs, because DVC deletes the outputs of a stage before it runs.
"""

from __future__ import annotations

import json
from pathlib import Path

from seedlab import settings as lab_settings
from seedlab.ground_truth import list_copies
from seedlab.lab_folder import (
    AUTOENCODER_FOLDER,
    CHECKPOINTS,
    CLIP_FOLDER,
    DESCRIPTOR_FOLDER,
    DISTANCE_FOLDER,
    open_lab,
)
from seedlab.pictures import build_pictures, format_summary, hash_rows
from seedwitness.errors import ConfigError
from seedwitness.runtime.cores import count_available_cores
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import sha256_file


def run_pictures(path: Path) -> str:
    """Make ``pictures/``, ``truth.parquet`` and ``world.json``; returns a summary in words."""
    settings = lab_settings.load_settings(path / lab_settings.FILE_NAME)
    return format_summary(*build_pictures(settings, path, count_available_cores()))


def run_autoencoder(path: Path) -> None:
    """Train the autoencoder that both checkpoints share, on pictures seen once."""
    import torch
    from torch import nn

    from seedlab.autoencoder import train_autoencoder

    lab = open_lab(path)
    context = lab.training_context("autoencoder")
    pixels = lab.load_pixels(lab.once_rows)
    vae = train_autoencoder(pixels, lab.settings.autoencoder, **context)
    with replace_whole(path / AUTOENCODER_FOLDER) as part:
        nn.Module.to(vae, "cpu", torch.float16)
        vae.save_pretrained(part)


def run_checkpoint(path: Path, name: str) -> None:
    """Train one of the two checkpoints; they differ only in the planted pictures."""
    if name not in CHECKPOINTS:
        raise ConfigError(f"Unknown checkpoint {name!r}. Known are: {', '.join(CHECKPOINTS)}.")
    from diffusers import AutoencoderKL

    from seedlab.diffusion import save_pipeline, train_networks
    from seedlab.epoch_data import encode_epoch
    from seedwitness.runtime.code_graph import hash_code
    from seedwitness.runtime.devices import default_device

    lab = open_lab(path)
    settings, tokenizer = lab.settings.diffusion, lab.build_tokenizer()
    copies = list(list_copies(lab.rows, planted=name == CHECKPOINTS[0]))
    key = {
        "rows": hash_rows([copy.picture for copy in copies]),
        "autoencoder": sha256_file(
            path / AUTOENCODER_FOLDER / "diffusion_pytorch_model.safetensors"
        ),
        "settings": repr(settings),
        "code": hash_code("seedlab.epoch_data", "seedlab.tokenizer"),
    }
    vae = AutoencoderKL.from_pretrained(path / AUTOENCODER_FOLDER, local_files_only=True)
    data = encode_epoch(lab, vae.to(default_device()), copies)
    context = lab.training_context(name) | {"data_key": json.dumps(key)}
    model = train_networks(name, data, tokenizer, settings, **context)
    save_pipeline(model, vae, tokenizer, path / "checkpoints" / name)


def run_clip(path: Path) -> None:
    """Train the open_clip model on pictures seen once and their captions."""
    from seedlab.clip import save_clip, train_clip

    lab = open_lab(path)
    settings, rows, tokenizer = lab.settings.clip, lab.once_rows, lab.build_tokenizer()
    captions = [row.caption for row in rows]
    context = lab.training_context("clip", settings)
    model = train_clip(lab.load_pixels(rows), captions, tokenizer, settings, **context)
    with replace_whole(path / CLIP_FOLDER) as part:
        save_clip(model, tokenizer, settings, part)


def run_descriptor(path: Path) -> None:
    """Train the copy-detection descriptor on pictures seen once."""
    from seedlab.descriptor import save_descriptor, train_descriptor

    lab = open_lab(path)
    settings = lab.settings.descriptor
    context = lab.training_context("descriptor", settings)
    model = train_descriptor(lab.load_pixels(lab.once_rows), settings, **context)
    with replace_whole(path / DESCRIPTOR_FOLDER) as part:
        save_descriptor(model, part, size=lab.settings.pictures.size)


def run_distance(path: Path) -> None:
    """Train the perceptual distance on pictures seen once."""
    from seedlab.perceptual_distance import save_distance, train_distance

    lab = open_lab(path)
    settings = lab.settings.distance
    context = lab.training_context("distance", settings)
    model = train_distance(lab.load_pixels(lab.once_rows), settings, **context)
    with replace_whole(path / DISTANCE_FOLDER) as part:
        save_distance(model, part)


def run_measure(path: Path) -> None:
    """Measure the autoencoder, both checkpoints and all networks of the lab."""
    from seedlab.measure import measure_lab

    measure_lab(open_lab(path))
