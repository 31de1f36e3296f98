"""Load a checkpoint in one file of the original layout, component by component.

The file is read once. Its tensors get the names of diffusers by diffusers' own conversion.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTokenizer

from seedwitness.checkpoints.bundled import CLIP_VOCABULARY, is_bundled
from seedwitness.checkpoints.key_names import normalise_keys
from seedwitness.checkpoints.layout import (
    SAFETENSORS_SUFFIX,
    CheckpointFiles,
    ComponentFiles,
    make_checkpoint_error,
)
from seedwitness.checkpoints.pickles import describe_briefly, read_pickled_weights
from seedwitness.config.inputs import CheckpointSettings

END_OF_WORD = "</w>"
CLIP_MERGES = 49_152 - 256 - 2
"""Merges of CLIP's vocabulary; the list in the file goes on."""


def load_single_file(settings: CheckpointSettings, files: CheckpointFiles) -> Any:
    """Load the pipeline of a single file; what it holds beside its components is not read.

    Raises CheckpointError if a component is incomplete, or not the one that is described.
    """
    state = normalise_keys(read_weights(settings.path))
    components: dict[str, Any] = {}
    for name in files.family.models:
        try:
            components[name] = _build_model(settings, files, name, state)
        except Exception as error:  # a missing weight, or one of another shape
            raise make_checkpoint_error(
                settings,
                f"The {name} in {settings.path} is incomplete, or not the one that "
                f"{settings.config or 'the bundled configuration'} describes: "
                f"{describe_briefly(error)}.",
            ) from error
    for name in files.family.tokenizers:
        components[name] = _load_tokenizer(files, files.find(name))
    components["scheduler"] = _load_scheduler(files)
    pipeline_class = getattr(diffusers, files.family.pipeline_class)
    options = {
        key: value
        for key, value in files.index.items()
        if isinstance(value, bool | int) and key not in files.family.omitted
    }
    return pipeline_class(**components, **options, **files.family.omitted)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, on the CPU."""
    if path.suffix == SAFETENSORS_SUFFIX:
        return load_file(path)
    return read_pickled_weights(path)


def _build_model(
    settings: CheckpointSettings, files: CheckpointFiles, name: str, state: dict[str, Tensor]
) -> Any:
    library, class_name = files.index[name]
    options = {
        "subfolder": name,
        "config": str(files.root),
        "torch_dtype": getattr(torch, settings.dtype),
        "local_files_only": True,
    }
    if library == "transformers":
        return create_diffusers_clip_model_from_ldm(
            getattr(transformers, class_name), dict(state), **options
        )
    return getattr(diffusers, class_name).from_single_file(dict(state), **options)


def _load_tokenizer(files: CheckpointFiles, part: ComponentFiles) -> Any:
    if is_bundled(files.root):
        return build_clip_tokenizer(part.config)
    return CLIPTokenizer.from_pretrained(
        str(files.root), subfolder=part.name, local_files_only=True
    )


def _load_scheduler(files: CheckpointFiles) -> Any:
    config = dict(files.find("scheduler").config)
    scheduler_class = getattr(diffusers, str(config.get("_class_name")))
    return scheduler_class.from_config(config)


def build_clip_tokenizer(config: dict[str, Any]) -> CLIPTokenizer:
    """CLIP's tokenizer from the vocabulary that open_clip brings (Radford et al., ICML 2021).

    The vocabulary is the 256 bytes, the same at the end of a word, what each merge makes, and the
    two marks of begin and end. ``config`` has the limit and the padding.
    """
    with gzip.open(CLIP_VOCABULARY.path(), "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")[1 : CLIP_MERGES + 1]
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    letters = _list_byte_letters()
    tokens = [*letters, *(letter + END_OF_WORD for letter in letters)]
    tokens += [first + second for first, second in merges]
    tokens += [config["bos_token"], config["eos_token"]]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)},
        merges=merges,  # type: ignore[arg-type]  # pairs are taken too
        bos_token=config["bos_token"],
        eos_token=config["eos_token"],
        unk_token=config["eos_token"],
        pad_token=config["pad_token"],
        model_max_length=config["model_max_length"],
    )


def _list_byte_letters() -> list[str]:
    """A printable letter for each byte, in the order of byte-level BPE: printable bytes first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [*map(chr, printable), *(chr(256 + place) for place in range(len(others)))]
