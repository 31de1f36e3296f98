"""Train further checkpoints of a drawn world, to test what a reference checkpoint may be.

A reference may have seen other ordinary pictures, for longer or shorter, or be another network; or
the examined checkpoint may be fine-tuned from it, on a hand that it never saw.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch import nn

from seedlab.checkpoint import FrozenParts, describe_ordinary, load_frozen_parts, open_stream
from seedlab.diffusion import DiffusionSettings, save_pipeline
from seedlab.drawing.captions import WORDING_COUNT, write_caption
from seedlab.drawing.drawing import Drawing, draw
from seedlab.drawing.hands import HANDS
from seedlab.drawing.world import Sketch, plan_world, sketch_ordinary
from seedlab.exposures import ExposureSequence
from seedlab.latent_stream import OrdinaryPictures, SpecialPictures
from seedlab.sequence_training import SequenceData, Take, train_on_sequence
from seedlab.settings import WorldPictures
from seedlab.world_rows import make_plan
from seedwitness.errors import ConfigError
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import sha256_file

if TYPE_CHECKING:
    from seedlab.lab_folder import Lab

FOLDER = "references"
CHECKPOINT_FOLDER = "checkpoints"
UNET_WEIGHTS = "diffusion_pytorch_model.safetensors"
LORA_LAYERS = ("to_q", "to_k", "to_v", "to_out.0")


@dataclass(frozen=True)
class ReferenceSettings:
    """One further checkpoint: the pictures that it sees, and where its training starts.

    It sees ``ordinary`` pictures, from number ``first`` on. With ``hand``, that hand draws all of
    them, and ``targets`` is the number of exposures of each work of its portfolio among them. With
    ``start``, a checkpoint of the lab, the training starts from its weights; with ``rank``, only a
    LoRA of that rank is trained (Hu et al., ICLR 2022) on the attention of the denoiser.
    """

    ordinary: int
    first: int = 0
    hand: str = ""
    targets: int = 0
    start: str = ""
    rank: int = 0
    diffusion: DiffusionSettings = field(default_factory=DiffusionSettings)

    def __post_init__(self) -> None:
        """Raise ValueError where the settings contradict one another."""
        if self.hand and self.hand not in HANDS:
            raise ValueError(f"hand: unknown {self.hand!r}; known are {', '.join(HANDS)}")
        if self.targets and not self.hand:
            raise ValueError("targets: they are the works of a hand; name it as `hand`")
        if self.rank and not self.start:
            raise ValueError(
                "rank: a LoRA needs the checkpoint that it changes; name it as `start`"
            )


class PicturesByHand:
    """The ordinary pictures of a world, by number, as one hand would draw them."""

    count: int | None = None

    def __init__(self, seed: int, size: int, hand: str) -> None:
        """Pictures of the world ``seed``, ``size`` pixels a side, by ``hand``."""
        self.seed, self.size, self.hand = seed, size, hand

    def __call__(self, number: int) -> tuple[Image.Image, str]:
        """Picture and caption of ``number``."""
        ordinary, _ = sketch_ordinary(self.seed, number)
        name = f"by-hand/{self.seed}/{self.hand}/{number}"
        theme = replace(ordinary.theme, artist=self.hand)
        caption = write_caption(theme, Random(name).randrange(WORDING_COUNT))
        return draw(Drawing(theme, name), self.size), caption


def train_reference(lab: Lab, name: str) -> None:
    """Train the further checkpoint ``name`` and write it to ``references/``.

    A LoRA is written beside it, to ``references/NAME-lora/``, and merged into the weights of the
    checkpoint. Raises ConfigError where the lab is no drawn world or names no such checkpoint.
    """
    section, known = lab.settings.pictures, lab.settings.references
    if not isinstance(section, WorldPictures):
        raise ConfigError(
            f"{lab.path} is no drawn world, and only there are references trained. Name a lab with "
            "`pictures.source: world` in params.yaml."
        )
    if name not in known:
        raise ConfigError(
            f"Unknown reference {name!r}. Known in {lab.settings.path} are: {', '.join(known)}."
        )
    settings, parts = known[name], load_frozen_parts(lab)
    data, key = _choose_data(lab, section, settings, parts)
    model = _load_start(lab, settings) if settings.start else None
    context = lab.training_context(name, json.dumps(key), replace(settings.diffusion, steps=0))
    model = train_on_sequence(
        name, data, parts.tokenizer, settings.diffusion, model=model, **context
    )
    folder = lab.path / FOLDER
    if settings.rank:
        unet: Any = model["unet"]  # nn.Module hides the methods of diffusers' adapters
        _write_lora(unet, folder / f"{name}-lora")
        unet.fuse_lora()
        unet.unload_lora()
    save_pipeline(model, parts.vae, parts.tokenizer, folder / name)


def _choose_data(
    lab: Lab, section: WorldPictures, settings: ReferenceSettings, parts: FrozenParts
) -> tuple[SequenceData, dict[str, object]]:
    """The pictures of a training in their order, and all that decides them and the start."""
    sketches = list(_choose_targets(plan_world(make_plan(section)), settings))
    sequence = ExposureSequence(
        sketches, settings.ordinary, settings.diffusion.seed, sees_special=True
    )
    made_from = describe_ordinary(lab, section)
    code = hash_code(__name__)
    by_hand = {**made_from, "hand": settings.hand, "references": code}
    shown = {**by_hand, "targets": settings.targets, "world": section.model_dump(mode="json")}
    pictures = OrdinaryPictures(section.seed, section.size)
    ordinary = (
        open_stream(PicturesByHand(section.seed, section.size, settings.hand), by_hand, parts)
        if settings.hand
        else open_stream(pictures, made_from, parts)
    )
    special = open_stream(SpecialPictures(sketches, sequence, section.size), shown, parts)
    data = SequenceData(sequence, _shift(ordinary.take, settings.first), special.take)
    return data, {**shown, **asdict(settings), "start": _hash_start(lab, settings)}


def _choose_targets(sketches: list[Sketch], settings: ReferenceSettings) -> Iterator[Sketch]:
    """The portfolio of the hand of ``settings``, each work at its number of exposures."""
    for sketch in sketches:
        if settings.targets and sketch.kind == "portfolio" and sketch.group == settings.hand:
            yield replace(sketch, exposures=settings.targets)


def _shift(take: Take, first: int) -> Take:
    return lambda start, stop: take(first + start, first + stop)


def _load_start(lab: Lab, settings: ReferenceSettings) -> nn.ModuleDict:
    """The networks of the checkpoint that a training starts from; with a LoRA, all else frozen."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        lab.path / CHECKPOINT_FOLDER / settings.start, local_files_only=True
    )
    unet, text_encoder = pipeline.unet.float(), pipeline.text_encoder.float()
    if settings.rank:
        try:
            from peft import LoraConfig
        except ImportError as error:
            raise ConfigError(
                "A LoRA is trained by the package peft, which is not installed. Install it: "
                "`pip install -c constraints.txt 'seedwitness[lora]'`."
            ) from error
        for network in (unet, text_encoder):
            network.requires_grad_(False)
        torch.manual_seed(settings.diffusion.seed)  # peft draws from the global generator
        layers = list(LORA_LAYERS)
        unet.add_adapter(
            LoraConfig(r=settings.rank, lora_alpha=settings.rank, target_modules=layers)
        )
    return nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})


def _write_lora(unet: nn.Module, folder: Path) -> None:
    """Write the adapter of ``unet`` as the file that diffusers and other tools load."""
    from peft import get_peft_model_state_dict

    with replace_whole(folder) as part:
        StableDiffusionPipeline.save_lora_weights(
            part, unet_lora_layers=get_peft_model_state_dict(unet)
        )


def _hash_start(lab: Lab, settings: ReferenceSettings) -> list[str]:
    if not settings.start:
        return []
    folder = lab.path / CHECKPOINT_FOLDER / settings.start
    files = [folder / "unet" / UNET_WEIGHTS, folder / "text_encoder" / "model.safetensors"]
    return [sha256_file(file) for file in files]
