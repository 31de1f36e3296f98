"""The stages of a lab's pipeline: read settings, read inputs, train, write whole.

Each is a command of ``seedlab`` and a stage of ``dvc.yaml`` of the same name. What is left
of a killed training waits in ``home.scratch()``, outside the outputs that DVC removes.
"""

from __future__ import annotations

import json
from pathlib import Path

from seedlab import settings as lab_settings
from seedlab import truth
from seedlab.home import AUTOENCODER, CHECKPOINTS, CLIP, DESCRIPTOR, DISTANCE, opened
from seedlab.pictures import build, data_key, in_words
from seedwitness.errors import ConfigError
from seedwitness.runtime.cores import available_cores
from seedwitness.runtime.files import replace_whole, sha256_file


def pictures(path: Path) -> str:
    """Make ``pictures/``, ``truth.parquet`` and ``world.json``; what there is now, in words."""
    settings = lab_settings.load(path / lab_settings.FILE_NAME)
    return in_words(*build(settings, path, available_cores()))


def autoencoder(path: Path) -> None:
    """Train the autoencoder that both checkpoints share, on pictures seen once."""
    import torch
    from torch import nn

    from seedlab.autoencoder import train

    lab = opened(path)
    settings = lab.settings.autoencoder
    vae = train(lab.pictures(lab.common), settings, **lab.training(AUTOENCODER))
    with replace_whole(path / AUTOENCODER) as part:
        nn.Module.to(vae, "cpu", torch.float16)
        vae.save_pretrained(part)


def checkpoint(path: Path, name: str) -> None:
    """Train one of the two checkpoints: they differ in nothing but the planted pictures."""
    if name not in CHECKPOINTS:
        raise ConfigError(f"No checkpoint is called {name!r}. Known are: {', '.join(CHECKPOINTS)}.")
    from diffusers import AutoencoderKL

    from seedlab.diffusion import save, train
    from seedlab.exposures import exposures
    from seedlab.training import device

    lab = opened(path)
    settings, tokenizer = lab.settings.diffusion, lab.tokenizer()
    shown = list(truth.copies(lab.rows, planted=name == CHECKPOINTS[0]))
    weights = sha256_file(path / AUTOENCODER / "diffusion_pytorch_model.safetensors")
    key = {
        "rows": data_key([copy.picture for copy in shown]),
        "autoencoder": weights,
        "settings": repr(settings),
    }
    vae = AutoencoderKL.from_pretrained(path / AUTOENCODER, local_files_only=True).to(device())
    place = lab.training(name) | {"data_key": json.dumps(key)}
    model = train(name, exposures(lab, vae, shown), tokenizer, settings, **place)
    save(model, vae, tokenizer, path / "checkpoints" / name)


def clip(path: Path) -> None:
    """Train the open_clip model on pictures seen once and their captions."""
    from seedlab.clip import save, train

    lab = opened(path)
    settings, rows, tokenizer = lab.settings.clip, lab.common, lab.tokenizer()
    captions = [row.caption for row in rows]
    place = lab.training(CLIP, settings)
    model = train(lab.pictures(rows), captions, tokenizer, settings, **place)
    with replace_whole(path / CLIP) as part:
        save(model, tokenizer, settings, part)


def descriptor(path: Path) -> None:
    """Train the copy-detection descriptor on pictures seen once."""
    from seedlab.descriptor import save, train

    lab = opened(path)
    settings = lab.settings.descriptor
    model = train(lab.pictures(lab.common), settings, **lab.training("descriptor", settings))
    with replace_whole(path / DESCRIPTOR) as part:
        save(model, part, size=lab.settings.pictures.size)


def distance(path: Path) -> None:
    """Train the perceptual distance on pictures seen once."""
    from seedlab.distance import save, train

    lab = opened(path)
    settings = lab.settings.distance
    model = train(lab.pictures(lab.common), settings, **lab.training("distance", settings))
    with replace_whole(path / DISTANCE) as part:
        save(model, part)


def measure(path: Path) -> None:
    """Measure everything that was trained."""
    from seedlab.measure import run

    run(opened(path))
