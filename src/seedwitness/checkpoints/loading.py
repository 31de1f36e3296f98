"""A checkpoint from its files, as diffusers' own StableDiffusionPipeline. Never from the network.

Every weight is accounted for: a component of which a weight is missing is an error, where the
libraries would begin with random numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import lcm
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel

from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.checkpoints.layout import SAFE, find_parts, unusable
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.runtime.devices import default_device

logger = logging.getLogger(__name__)

MODELS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
UNUSED = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint that can be sampled from: the pipeline, what it is, and where it came from."""

    pipeline: StableDiffusionPipeline
    checkpoint: CheckpointIdentity
    settings: CheckpointSettings

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Latents of one picture: (c, h, w). Raises ConfigError where the size cannot be made."""
        scale = self.checkpoint.latent_scale
        step = lcm(scale, 8)  # StableDiffusionPipeline refuses what 8 does not divide
        if width % step or height % step:
            raise ConfigError(
                f"{self.checkpoint.name} makes pictures whose sides {step} divides, not {width} × "
                f"{height}: change `width` and `height`."
            )
        return (self.checkpoint.latent_channels, height // scale, width // scale)


def load_checkpoint(
    name: str,
    settings: CheckpointSettings,
    expected: CheckpointIdentity | None = None,
) -> LoadedCheckpoint:
    """The checkpoint ``name``, hashed and loaded, on the GPU where there is one.

    Raises CheckpointError where it is missing, half-written or of another class, or where it is not
    the one that ``expected`` names.
    """
    found = identify_checkpoint(name, settings)
    if expected is not None and found.sha256 != expected.sha256:
        raise CheckpointError(
            f"{settings.path} has changed since it was identified as {name}: its SHA-256 is "
            f"{found.sha256}, not {expected.sha256}. Identify it again: `dvc repro`."
        )
    return LoadedCheckpoint(load_pipeline(settings), found, settings)


def load_pipeline(settings: CheckpointSettings) -> StableDiffusionPipeline:
    """The pipeline alone, for who knows already that its files are whole and what they are."""
    found = find_parts(settings)
    try:
        with _quiet():
            pipeline = FAMILIES[settings.family](settings)
    except CheckpointError:
        raise
    except Exception as error:  # two libraries' errors for files that do not fit together
        raise unusable(settings, f"{settings.path} cannot be loaded: {error}") from error
    for part in found:
        model = getattr(pipeline, part.name)
        unset = [key for key, value in _tensors(model) if value.is_meta]
        if unset:
            raise unusable(
                settings,
                f"{settings.path} lacks {len(unset)} weights of its {part.name}, {unset[0]} among "
                "them.",
            )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(default_device())


def _from_folder(settings: CheckpointSettings) -> StableDiffusionPipeline:
    weights = {part.name: part.weights for part in find_parts(settings)}
    models: dict[str, Any] = {}
    for name, kind in MODELS.items():
        model, report = kind.from_pretrained(
            str(settings.path),
            subfolder=name,
            dtype=getattr(torch, settings.dtype),
            use_safetensors=weights[name][0].suffix == SAFE,
            local_files_only=True,
            output_loading_info=True,
        )
        absent = [*report["missing_keys"], *report["mismatched_keys"]]
        if absent:
            raise unusable(
                settings,
                f"{weights[name][0]} lacks {len(absent)} weights of its {name}, {absent[0]} among "
                "them, or has them in another shape.",
            )
        if report["unexpected_keys"]:
            logger.warning(
                "%s: %d tensors of %s have no place in a %s and were left out.",
                settings.path,
                len(report["unexpected_keys"]),
                name,
                kind.__name__,
            )
        models[name] = model
    return StableDiffusionPipeline.from_pretrained(
        str(settings.path), **models, **UNUSED, local_files_only=True
    )


def _from_single_file(settings: CheckpointSettings) -> StableDiffusionPipeline:
    asked = {
        "config": str(settings.config),
        "dtype": getattr(torch, settings.dtype),
        "local_files_only": True,
    }
    models = {}
    for name in ("unet", "vae"):  # by themselves, so that an error can say which
        try:
            models[name] = MODELS[name].from_single_file(
                str(settings.path), subfolder=name, **asked
            )
        except Exception as error:  # a weight that is missing, or of another shape
            raise unusable(
                settings,
                f"The {name} in {settings.path} is incomplete, or not the one that "
                f"{settings.config} describes: {error}",
            ) from error
    return StableDiffusionPipeline.from_single_file(str(settings.path), **models, **asked, **UNUSED)


FAMILIES = {"diffusers": _from_folder, "single-file": _from_single_file}


def _tensors(model: Any) -> list[tuple[str, torch.Tensor]]:
    if not isinstance(model, torch.nn.Module):  # a tokenizer or a scheduler
        return []
    return [*model.named_parameters(), *model.named_buffers()]


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars of the libraries' own, and no advice to whoever wrote this: all else they may say."""
    switches = [diffusers.utils.logging, transformers.utils.logging]
    shown = [each for each in switches if each.is_progress_bar_enabled()]
    for each in shown:
        each.disable_progress_bar()
    casting = logging.getLogger("diffusers.models.modeling_utils")
    casting.addFilter(_no_advice)
    try:
        yield
    finally:
        casting.removeFilter(_no_advice)
        for each in shown:
            each.enable_progress_bar()


def _no_advice(record: logging.LogRecord) -> bool:
    # from_single_file says so of its own cast, and of no modules at all.
    return "should be kept in float32: []" not in record.getMessage()
