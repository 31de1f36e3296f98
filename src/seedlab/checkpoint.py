"""Train a checkpoint of a lab: on shuffled epochs, or on one pass over a drawn world."""

from __future__ import annotations

import json
from dataclasses import replace

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
from seedlab.latent_stream import LatentStream, OrdinaryPictures, SpecialPictures, stream_folder
from seedlab.pictures import hash_rows
from seedlab.sequence_training import SequenceData, train_on_sequence
from seedlab.settings import WorldPictures
from seedlab.tokenizer import train_tokenizer
from seedlab.training import describe_computation
from seedlab.world_rows import describe_drawing, make_plan
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.hashes import sha256_file


def train_checkpoint(lab: Lab, name: str) -> None:
    """Train checkpoint ``name`` and write it; only the first of a lab sees special pictures."""
    vae = AutoencoderKL.from_pretrained(lab.path / AUTOENCODER_FOLDER, local_files_only=True)
    vae.to(default_device())
    tokenizer = train_tokenizer(list_fitted_pictures(lab).captions)
    sees_special = name == CHECKPOINTS[0]
    section = lab.settings.pictures
    if isinstance(section, WorldPictures):
        model = _train_on_world(lab, section, vae, tokenizer, name, sees_special)
    else:
        model = _train_on_epochs(lab, vae, tokenizer, name, sees_special)
    save_pipeline(model, vae, tokenizer, lab.path / "checkpoints" / name)


def _train_on_world(
    lab: Lab,
    section: WorldPictures,
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    name: str,
    sees_special: bool,
) -> nn.ModuleDict:
    settings = lab.settings.diffusion
    sketches = plan_world(make_plan(section))
    sequence = ExposureSequence(sketches, section.ordinary, section.seed, sees_special=sees_special)
    made_from = {
        "autoencoder": _hash_autoencoder(lab),
        "computation": describe_computation("seedlab.latent_stream"),
        "captions": list_fitted_pictures(lab).key,
        "drawing": describe_drawing(section),
    }
    shown = {**made_from, "shown": section.model_dump(mode="json", exclude={"once", "path"})}
    root = training_state_folder().parent / "latents"

    def open_stream(pictures: OrdinaryPictures | SpecialPictures, key: object) -> LatentStream:
        return LatentStream(pictures, vae, tokenizer, stream_folder(root, key), workers=1)

    ordinary = open_stream(OrdinaryPictures(section.seed, section.size), made_from)
    special = open_stream(SpecialPictures(sketches, sequence, section.size), shown)
    data = SequenceData(sequence, ordinary.take, special.take)
    key = json.dumps({**shown, "sees_special": sees_special})
    context = lab.training_context(name, key, replace(settings, steps=0))
    return train_on_sequence(name, data, tokenizer, settings, **context)


def _train_on_epochs(
    lab: Lab, vae: AutoencoderKL, tokenizer: CLIPTokenizer, name: str, sees_special: bool
) -> nn.ModuleDict:
    copies = list(list_copies(lab.rows, planted=sees_special))
    key = {
        "rows": hash_rows([copy.picture for copy in copies]),
        "autoencoder": _hash_autoencoder(lab),
        "code": hash_code("seedlab.epoch_data", "seedlab.tokenizer"),
    }
    settings = lab.settings.diffusion
    context = lab.training_context(name, json.dumps(key), settings)
    return train_networks(name, encode_epoch(lab, vae, copies), tokenizer, settings, **context)


def _hash_autoencoder(lab: Lab) -> str:
    return sha256_file(lab.path / AUTOENCODER_FOLDER / "diffusion_pytorch_model.safetensors")
