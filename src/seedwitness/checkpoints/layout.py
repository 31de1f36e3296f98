"""Which files make up a checkpoint, and whether they are all there: without reading any weights.

A checkpoint of the family ``diffusers`` is a StableDiffusionPipeline folder; one of ``single-file``
is one file of weights in Stable Diffusion's original layout, and a folder without weights that
describes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError

PIPELINE = "StableDiffusionPipeline"
CLASSES = {
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
}
CONFIGS = {
    "unet": "config.json",
    "vae": "config.json",
    "text_encoder": "config.json",
    "tokenizer": "tokenizer_config.json",
    "scheduler": "scheduler_config.json",
}
SAFE = ".safetensors"
# Without their suffix, as save_pretrained writes them: safetensors first, then pickles.
WEIGHTS = {
    "unet": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    "vae": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    "text_encoder": ("model.safetensors", "pytorch_model.bin"),
}
# What a key of the original layout begins with.
PREFIXES = {
    "unet": ("model.diffusion_model.",),
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": ("cond_stage_model.",),
}


@dataclass(frozen=True)
class Part:
    """One component: its settings as written, its small files, and its files of weights."""

    name: str
    config: dict[str, Any]
    files: tuple[Path, ...]
    weights: tuple[Path, ...]


def find_parts(settings: CheckpointSettings) -> list[Part]:
    """The components of a checkpoint, by name.

    Raises CheckpointError, with the command that fetches it, where a file is missing, no JSON, or
    of a class that is not sampled from here; or where weights are pickles that are not allowed.
    """
    single = settings.family == "single-file"
    root = settings.config if single and settings.config else settings.path
    if not root.is_dir():
        raise unusable(settings, f"There is no folder {root}.")
    if single and not settings.path.is_file():
        raise unusable(settings, f"There is no file {settings.path}.")
    index = _json(settings, root / "model_index.json")
    _require_classes(settings, root / "model_index.json", index)
    found = []
    for name, file in CONFIGS.items():
        described = root / name / file
        files = [described]
        if name == "tokenizer":
            files = _tokenizer_files(settings, root / name)
        weights: tuple[Path, ...] = ()
        if name in WEIGHTS:
            weights = (settings.path,) if single else _weights(settings, root / name, WEIGHTS[name])
        found.append(Part(name, _json(settings, described), tuple(files), weights))
    for path in {path for part in found for path in part.weights}:
        if path.suffix != SAFE and not settings.unsafe_pickle:
            raise unusable(
                settings,
                f"{path} is no safetensors file: reading it can run code of whoever made it. "
                "Convert it, or set `unsafe_pickle: true` for this checkpoint to have it scanned "
                "and read as weights only.",
            )
    return sorted(found, key=lambda part: part.name)


def unusable(settings: CheckpointSettings, what: str) -> CheckpointError:
    """The error for a checkpoint that cannot be used, with the way to get it."""
    how = f"Fetch it: {settings.fetch}" if settings.fetch else "Correct its `path` in conf/."
    return CheckpointError(f"{what} {how}")


def _json(settings: CheckpointSettings, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise unusable(settings, f"There is no {path}: the checkpoint is incomplete.") from None
    except ValueError as error:
        raise unusable(settings, f"{path} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise unusable(settings, f"{path} holds no settings.")
    return found


def _require_classes(settings: CheckpointSettings, path: Path, index: dict[str, Any]) -> None:
    if index.get("_class_name") != PIPELINE:
        raise CheckpointError(
            f"{path} describes a {index.get('_class_name')}. Only a {PIPELINE} (Stable Diffusion "
            "1 and 2, and what has their parts) can be sampled from here."
        )
    for name, classes in CLASSES.items():
        stated = index.get(name) or [None, None]
        if stated[1] not in classes:
            raise CheckpointError(
                f"{path} names {stated[1]} as `{name}`, which is not sampled from here. "
                f"Known are: {', '.join(classes)}."
            )


def _tokenizer_files(settings: CheckpointSettings, folder: Path) -> list[Path]:
    """All that a tokenizer may be read from; the vocabulary has two forms, of which one will do."""
    if not ((folder / "tokenizer.json").exists() or (folder / "vocab.json").exists()):
        raise unusable(
            settings, f"There is no vocabulary in {folder}: the checkpoint is incomplete."
        )
    return sorted(path for path in folder.iterdir() if path.suffix in (".json", ".txt"))


def _weights(
    settings: CheckpointSettings, folder: Path, names: tuple[str, ...]
) -> tuple[Path, ...]:
    """The files of weights that diffusers and transformers would read: whole or in shards."""
    for name in names:
        if (folder / name).exists():
            return (folder / name,)
        index = folder / f"{name}.index.json"
        if index.exists():
            shards = sorted(set(_json(settings, index).get("weight_map", {}).values()))
            missing = [shard for shard in shards if not (folder / shard).exists()]
            if missing or not shards:
                raise unusable(
                    settings, f"{index} names {missing or 'no'} weights that are missing."
                )
            return tuple(folder / shard for shard in shards)
    others = sorted(path.name for path in folder.glob("*") if path.suffix in (SAFE, ".bin"))
    beside = f" (it holds {', '.join(others)})" if others else ""
    raise unusable(
        settings, f"There is no {folder / names[0]}{beside}: the checkpoint is incomplete."
    )
