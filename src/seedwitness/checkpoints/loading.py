"""Load a checkpoint from its files as diffusers' own pipeline, never from the network.

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
from diffusers import StableDiffusionPipeline

from seedwitness.checkpoints.families import get_family
from seedwitness.checkpoints.families.contract import Family
from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.checkpoints.layout import (
    SAFETENSORS_SUFFIX,
    CheckpointFiles,
    find_checkpoint,
    make_checkpoint_error,
)
from seedwitness.checkpoints.pickles import describe_briefly
from seedwitness.checkpoints.single_file import load_single_file
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.runtime.devices import default_device

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint ready for sampling: the pipeline, its identity and its settings.

    The pipeline is of the class of the checkpoint's family; that of Stable Diffusion 1 stands for
    all.
    """

    pipeline: StableDiffusionPipeline
    checkpoint: CheckpointIdentity
    settings: CheckpointSettings

    @property
    def family(self) -> Family:
        """The adapter of the checkpoint's family."""
        return get_family(self.pipeline)

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Compute the latent shape (c, h, w) of one picture.

        Raises ConfigError for a size that the checkpoint cannot generate.
        """
        scale = self.checkpoint.latent_scale
        step = lcm(scale, self.family.multiple)
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
    files = find_checkpoint(settings)
    try:
        with _quiet_libraries():
            pipeline = LOADERS[settings.family](settings, files)
    except CheckpointError:
        raise
    except Exception as error:  # diffusers and transformers raise many types for broken files
        raise make_checkpoint_error(
            settings, f"{settings.path} cannot be loaded: {describe_briefly(error)}."
        ) from error
    for component in files.components:
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


def _load_folder(settings: CheckpointSettings, files: CheckpointFiles) -> Any:
    models: dict[str, Any] = dict.fromkeys(files.family.optional)
    for name in files.family.models:
        if name in files.family.optional and name not in {part.name for part in files.components}:
            continue
        part = files.find(name)
        library, class_name = files.index[name]
        # Both names were compared with those that the family supports.
        model_class = getattr(
            {"diffusers": diffusers, "transformers": transformers}[library], class_name
        )
        model, report = model_class.from_pretrained(
            str(settings.path),
            subfolder=name,
            dtype=getattr(torch, settings.dtype),
            use_safetensors=part.weights[0].suffix == SAFETENSORS_SUFFIX,
            variant=part.variant or None,
            local_files_only=True,
            output_loading_info=True,
        )
        missing = [*report["missing_keys"], *report["mismatched_keys"]]
        if missing:
            raise make_checkpoint_error(
                settings,
                f"{part.weights[0]} lacks {len(missing)} weights of its {name} or has them in "
                f"another shape, among them {missing[0]}.",
            )
        if report["unexpected_keys"]:
            logger.warning(
                "%s: %d tensors of %s do not exist in a %s and were ignored.",
                settings.path,
                len(report["unexpected_keys"]),
                name,
                class_name,
            )
        models[name] = model
    for name in files.family.optional & set(files.family.tokenizers):
        if any(part.name == name for part in files.components):
            del models[name]  # the pipeline loads it
    pipeline_class = getattr(diffusers, files.family.pipeline_class)
    return pipeline_class.from_pretrained(
        str(settings.path), **models, **files.family.omitted, local_files_only=True
    )


LOADERS = {"diffusers": _load_folder, "single-file": load_single_file}


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
