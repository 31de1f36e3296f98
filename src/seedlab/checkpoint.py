"""Train a checkpoint of a lab: on shuffled epochs, or on one pass over a drawn world."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from diffusers import AutoencoderKL
from torch import nn
from transformers import CLIPTokenizer

from seedlab.diffusion import save_pipeline, train_networks
from seedlab.drawing.world import plan_world
from seedlab.epoch_data import encode_epoch
from seedlab.exposures import ExposureSequence
from seedlab.fitted_pictures import list_fitted_pictures
from seedlab.ground_truth import list_copies
from seedlab.lab_folder import AUTOENCODER_FOLDER, CHECKPOINTS, Lab, training_state_folder
from seedlab.latent_stream import (
    LatentStream,
    NumberedPictures,
    OrdinaryPictures,
    SpecialPictures,
    stream_folder,
)
from seedlab.pictures import hash_rows
from seedlab.sequence_training import SequenceData, train_on_sequence
from seedlab.settings import WorldPictures
from seedlab.tokenizer import train_tokenizer
from seedlab.training import describe_computation
from seedlab.world_rows import describe_drawing, make_plan
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.hashes import sha256_file


@dataclass(frozen=True)
class FrozenParts:
    """The autoencoder and the tokenizer that all checkpoints of a lab share."""

    vae: AutoencoderKL
    tokenizer: CLIPTokenizer


def load_frozen_parts(lab: Lab) -> FrozenParts:
    """The autoencoder of a lab, and its tokenizer, learned from ordinary captions."""
    vae = AutoencoderKL.from_pretrained(lab.path / AUTOENCODER_FOLDER, local_files_only=True)
    vae.to(default_device())
    return FrozenParts(vae, train_tokenizer(list_fitted_pictures(lab).captions))


def train_checkpoint(lab: Lab, name: str) -> None:
    """Train checkpoint ``name`` and write it; only the first of a lab sees special pictures."""
    parts = load_frozen_parts(lab)
    sees_special = name == CHECKPOINTS[0]
    section = lab.settings.pictures
    if isinstance(section, WorldPictures):
        model = _train_on_world(lab, section, parts, name, sees_special)
    else:
        model = _train_on_epochs(lab, parts, name, sees_special)
    save_pipeline(model, parts.vae, parts.tokenizer, lab.path / "checkpoints" / name)


def open_stream(pictures: NumberedPictures, key: object, parts: FrozenParts) -> LatentStream:
    """The latents of numbered pictures; ``key`` is all that decides them."""
    root = training_state_folder().parent / "latents"
    folder = stream_folder(root, key)
    return LatentStream(pictures, parts.vae, parts.tokenizer, folder, workers=1)


def describe_ordinary(lab: Lab, section: WorldPictures) -> dict[str, object]:
    """All that decides the latents of the ordinary pictures of a drawn world, by number."""
    return {
        "autoencoder": _hash_autoencoder(lab),
        "computation": describe_computation("seedlab.latent_stream"),
        "captions": list_fitted_pictures(lab).key,
        "drawing": describe_drawing(section),
    }


def _train_on_world(
    lab: Lab, section: WorldPictures, parts: FrozenParts, name: str, sees_special: bool
) -> nn.ModuleDict:
    settings = lab.settings.diffusion
    sketches = plan_world(make_plan(section))
    sequence = ExposureSequence(sketches, section.ordinary, section.seed, sees_special=sees_special)
    made_from = describe_ordinary(lab, section)
    shown = {**made_from, "shown": section.model_dump(mode="json", exclude={"once", "path"})}
    ordinary = open_stream(OrdinaryPictures(section.seed, section.size), made_from, parts)
    special = open_stream(SpecialPictures(sketches, sequence, section.size), shown, parts)
    data = SequenceData(sequence, ordinary.take, special.take)
    key = json.dumps({**shown, "sees_special": sees_special})
    context = lab.training_context(name, key, replace(settings, steps=0))
    return train_on_sequence(name, data, parts.tokenizer, settings, **context)


def _train_on_epochs(lab: Lab, parts: FrozenParts, name: str, sees_special: bool) -> nn.ModuleDict:
    copies = list(list_copies(lab.rows, planted=sees_special))
    key = {
        "rows": hash_rows([copy.picture for copy in copies]),
        "autoencoder": _hash_autoencoder(lab),
        "code": hash_code("seedlab.epoch_data", "seedlab.tokenizer"),
    }
    settings = lab.settings.diffusion
    context = lab.training_context(name, json.dumps(key), settings)
    epoch = encode_epoch(lab, parts.vae, copies)
    return train_networks(name, epoch, parts.tokenizer, settings, **context)


def _hash_autoencoder(lab: Lab) -> str:
    return sha256_file(lab.path / AUTOENCODER_FOLDER / "diffusion_pytorch_model.safetensors")
