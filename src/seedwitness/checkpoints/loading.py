"""Load a checkpoint from its files as diffusers' StableDiffusionPipeline, never from the network.

A missing weight is an error; the libraries would initialise it with random numbers.
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
from seedwitness.checkpoints.layout import (
    SAFETENSORS_SUFFIX,
    find_components,
    make_checkpoint_error,
)
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.runtime.devices import default_device

logger = logging.getLogger(__name__)

MODEL_CLASSES = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
OMITTED_COMPONENTS = {
    "safety_checker": None,
    "feature_extractor": None,
    "requires_safety_checker": False,
}


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint ready for sampling: the pipeline, its identity and its settings."""

    pipeline: StableDiffusionPipeline
    checkpoint: CheckpointIdentity
    settings: CheckpointSettings

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Compute the latent shape (c, h, w) of one picture.

        Raises ConfigError for a size that the checkpoint cannot generate.
        """
        scale = self.checkpoint.latent_scale
        step = lcm(scale, 8)  # StableDiffusionPipeline requires multiples of 8
        if width % step or height % step:
            raise ConfigError(
                f"{self.checkpoint.name} generates pictures whose sides are multiples of {step} "
                f"pixels, not {width} × {height}. Change `width` and `height`."
            )
        return (self.checkpoint.latent_channels, height // scale, width // scale)


def load_checkpoint(
    name: str,
    settings: CheckpointSettings,
    expected: CheckpointIdentity | None = None,
) -> LoadedCheckpoint:
    """Hash and load the checkpoint ``name``, on the GPU if there is one.

    Raises CheckpointError if it is missing, truncated or of another class, or if its hash differs
    from that of ``expected``.
    """
    identity = identify_checkpoint(name, settings)
    if expected is not None and identity.sha256 != expected.sha256:
        raise CheckpointError(
            f"{settings.path} has changed since it was identified as {name}: its SHA-256 is "
            f"{identity.sha256}, not {expected.sha256}. Identify it again: `dvc repro`."
        )
    return LoadedCheckpoint(load_pipeline(settings), identity, settings)


def load_pipeline(settings: CheckpointSettings) -> StableDiffusionPipeline:
    """Load the pipeline without hashing, for callers that have identified the files already."""
    components = find_components(settings)
    try:
        with _quiet_libraries():
            pipeline = LOADERS[settings.family](settings)
    except CheckpointError:
        raise
    except Exception as error:  # diffusers and transformers raise many types for broken files
        raise make_checkpoint_error(
            settings, f"{settings.path} cannot be loaded: {error}"
        ) from error
    for component in components:
        model = getattr(pipeline, component.name)
        unset = [key for key, value in _list_tensors(model) if value.is_meta]
        if unset:
            raise make_checkpoint_error(
                settings,
                f"{settings.path} lacks {len(unset)} weights of its {component.name}, among "
                f"them {unset[0]}.",
            )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(default_device())


def _load_folder(settings: CheckpointSettings) -> StableDiffusionPipeline:
    weights = {part.name: part.weights for part in find_components(settings)}
    models: dict[str, Any] = {}
    for name, model_class in MODEL_CLASSES.items():
        model, report = model_class.from_pretrained(
            str(settings.path),
            subfolder=name,
            dtype=getattr(torch, settings.dtype),
            use_safetensors=weights[name][0].suffix == SAFETENSORS_SUFFIX,
            local_files_only=True,
            output_loading_info=True,
        )
        missing = [*report["missing_keys"], *report["mismatched_keys"]]
        if missing:
            raise make_checkpoint_error(
                settings,
                f"{weights[name][0]} lacks {len(missing)} weights of its {name} or has them in "
                f"another shape, among them {missing[0]}.",
            )
        if report["unexpected_keys"]:
            logger.warning(
                "%s: %d tensors of %s do not exist in a %s and were ignored.",
                settings.path,
                len(report["unexpected_keys"]),
                name,
                model_class.__name__,
            )
        models[name] = model
    return StableDiffusionPipeline.from_pretrained(
        str(settings.path), **models, **OMITTED_COMPONENTS, local_files_only=True
    )


def _load_single_file(settings: CheckpointSettings) -> StableDiffusionPipeline:
    options = {
        "config": str(settings.config),
        "dtype": getattr(torch, settings.dtype),
        "local_files_only": True,
    }
    models = {}
    for name in ("unet", "vae"):  # one by one, so that an error can name the component
        try:
            models[name] = MODEL_CLASSES[name].from_single_file(
                str(settings.path), subfolder=name, **options
            )
        except Exception as error:  # a missing weight, or one of another shape
            raise make_checkpoint_error(
                settings,
                f"The {name} in {settings.path} is incomplete, or not the one that "
                f"{settings.config} describes: {error}",
            ) from error
    return StableDiffusionPipeline.from_single_file(
        str(settings.path), **models, **options, **OMITTED_COMPONENTS
    )


LOADERS = {"diffusers": _load_folder, "single-file": _load_single_file}


def _list_tensors(model: Any) -> list[tuple[str, torch.Tensor]]:
    if not isinstance(model, torch.nn.Module):  # a tokenizer or a scheduler
        return []
    return [*model.named_parameters(), *model.named_buffers()]


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Hide the libraries' progress bars and one advice to developers; keep all other messages."""
    logging_modules = [diffusers.utils.logging, transformers.utils.logging]
    enabled = [module for module in logging_modules if module.is_progress_bar_enabled()]
    for module in enabled:
        module.disable_progress_bar()
    cast_logger = logging.getLogger("diffusers.models.modeling_utils")
    cast_logger.addFilter(_is_no_cast_advice)
    try:
        yield
    finally:
        cast_logger.removeFilter(_is_no_cast_advice)
        for module in enabled:
            module.enable_progress_bar()


def _is_no_cast_advice(record: logging.LogRecord) -> bool:
    # from_single_file warns of its own cast, with an empty list of modules.
    return "should be kept in float32: []" not in record.getMessage()
