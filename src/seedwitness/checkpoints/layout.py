"""Find the files of a checkpoint and check that all exist, without reading any weights.

A checkpoint of the family ``diffusers`` is a StableDiffusionPipeline folder. One of ``single-file``
is one weights file in Stable Diffusion's original layout, and a folder without weights that
describes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError

PIPELINE_CLASS = "StableDiffusionPipeline"
COMPONENT_CLASSES = {
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
}
CONFIG_FILES = {
    "unet": "config.json",
    "vae": "config.json",
    "text_encoder": "config.json",
    "tokenizer": "tokenizer_config.json",
    "scheduler": "scheduler_config.json",
}
SAFETENSORS_SUFFIX = ".safetensors"
# File names as save_pretrained writes them: safetensors first, then pickles.
WEIGHT_FILES = {
    "unet": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    "vae": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    "text_encoder": ("model.safetensors", "pytorch_model.bin"),
}
# Prefixes of the keys in the original layout.
KEY_PREFIXES = {
    "unet": ("model.diffusion_model.",),
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": ("cond_stage_model.",),
}


@dataclass(frozen=True)
class ComponentFiles:
    """One component: its configuration, its small files, and its weights files."""

    name: str
    config: dict[str, Any]
    files: tuple[Path, ...]
    weights: tuple[Path, ...]


def find_components(settings: CheckpointSettings) -> list[ComponentFiles]:
    """Find the components of a checkpoint, sorted by name.

    Raises CheckpointError, with the command that fetches the checkpoint, if a file is missing or
    not JSON, names an unsupported class, or if weights are pickles and pickles are not allowed.
    """
    single = settings.family == "single-file"
    root = settings.config if single and settings.config else settings.path
    if not root.is_dir():
        raise make_checkpoint_error(settings, f"There is no folder {root}.")
    if single and not settings.path.is_file():
        raise make_checkpoint_error(settings, f"There is no file {settings.path}.")
    index = _read_json(settings, root / "model_index.json")
    _check_classes(settings, root / "model_index.json", index)
    components = []
    for name, file in CONFIG_FILES.items():
        config_path = root / name / file
        files = [config_path]
        if name == "tokenizer":
            files = _list_tokenizer_files(settings, root / name)
        weights: tuple[Path, ...] = ()
        if name in WEIGHT_FILES:
            weights = (
                (settings.path,)
                if single
                else _find_weights(settings, root / name, WEIGHT_FILES[name])
            )
        components.append(
            ComponentFiles(name, _read_json(settings, config_path), tuple(files), weights)
        )
    for path in {path for component in components for path in component.weights}:
        if path.suffix != SAFETENSORS_SUFFIX and not settings.unsafe_pickle:
            raise make_checkpoint_error(
                settings,
                f"{path} is not a safetensors file: reading a pickle can run the code of its "
                "author. Convert it, or set `unsafe_pickle: true` for this checkpoint, which scans "
                "it and reads it as weights only.",
            )
    return sorted(components, key=lambda part: part.name)


def make_checkpoint_error(settings: CheckpointSettings, problem: str) -> CheckpointError:
    """Make the error for a checkpoint that cannot be used, with the command that fetches it."""
    remedy = f"Fetch it: {settings.fetch}" if settings.fetch else "Correct its `path` in conf/."
    return CheckpointError(f"{problem} {remedy}")


def _read_json(settings: CheckpointSettings, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise make_checkpoint_error(
            settings, f"There is no {path}: the checkpoint is incomplete."
        ) from None
    except ValueError as error:
        raise make_checkpoint_error(settings, f"{path} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise make_checkpoint_error(settings, f"{path} is no JSON object.")
    return document


def _check_classes(settings: CheckpointSettings, path: Path, index: dict[str, Any]) -> None:
    if index.get("_class_name") != PIPELINE_CLASS:
        raise CheckpointError(
            f"{path} describes a {index.get('_class_name')}. Only a {PIPELINE_CLASS} (Stable "
            "Diffusion 1 and 2, and models with the same components) is supported."
        )
    for name, classes in COMPONENT_CLASSES.items():
        library_and_class = index.get(name) or [None, None]
        if library_and_class[1] not in classes:
            raise CheckpointError(
                f"{path} names {library_and_class[1]} as `{name}`, which is not supported. "
                f"Supported classes: {', '.join(classes)}."
            )


def _list_tokenizer_files(settings: CheckpointSettings, folder: Path) -> list[Path]:
    """List the files of a tokenizer; its vocabulary may have either of two forms."""
    if not ((folder / "tokenizer.json").exists() or (folder / "vocab.json").exists()):
        raise make_checkpoint_error(
            settings, f"There is no vocabulary in {folder}: the checkpoint is incomplete."
        )
    return sorted(path for path in folder.iterdir() if path.suffix in (".json", ".txt"))


def _find_weights(
    settings: CheckpointSettings, folder: Path, names: tuple[str, ...]
) -> tuple[Path, ...]:
    """Find the weights files that diffusers and transformers read: one file or shards."""
    for name in names:
        if (folder / name).exists():
            return (folder / name,)
        index = folder / f"{name}.index.json"
        if index.exists():
            shards = sorted(set(_read_json(settings, index).get("weight_map", {}).values()))
            missing = [shard for shard in shards if not (folder / shard).exists()]
            if missing or not shards:
                raise make_checkpoint_error(
                    settings, f"{index} names {missing or 'no'} weights that are missing."
                )
            return tuple(folder / shard for shard in shards)
    others = sorted(
        path.name for path in folder.glob("*") if path.suffix in (SAFETENSORS_SUFFIX, ".bin")
    )
    alternatives = f" (it holds {', '.join(others)})" if others else ""
    raise make_checkpoint_error(
        settings, f"There is no {folder / names[0]}{alternatives}: the checkpoint is incomplete."
    )
