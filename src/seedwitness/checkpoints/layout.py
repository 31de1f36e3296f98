"""Find the files of a checkpoint and check that all exist, without reading any weights.

A checkpoint of the format ``diffusers`` is a folder of a class in ``families``. One of
``single-file`` is one weights file in the original layout, and a folder without weights that
describes it: the one in the settings, or a bundled one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwitness.checkpoints.bundled import CLIP_VOCABULARY, FOLDER, find_description, is_bundled
from seedwitness.checkpoints.families import FAMILIES
from seedwitness.checkpoints.families.contract import Family
from seedwitness.checkpoints.problems import make_checkpoint_error
from seedwitness.checkpoints.tensor_shapes import SAFETENSORS_SUFFIX, read_shapes
from seedwitness.config.inputs import DESCRIPTIONS, CheckpointSettings
from seedwitness.errors import CheckpointError

__all__ = [
    "SAFETENSORS_SUFFIX",
    "CheckpointFiles",
    "ComponentFiles",
    "find_checkpoint",
    "find_components",
    "make_checkpoint_error",
]

INDEX = "model_index.json"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer_config.json"
SCHEDULER_FILE = "scheduler_config.json"
VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model")
TOKENIZER_SUFFIXES = (".json", ".txt", ".model")
# File names as save_pretrained writes them: safetensors first, then pickles.
DIFFUSERS_WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
TRANSFORMERS_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
REMOTE_CODE = "auto_map"


@dataclass(frozen=True)
class ComponentFiles:
    """One component: its configuration, its small files, and its weights files."""

    name: str
    config: dict[str, Any]
    files: tuple[Path, ...]
    weights: tuple[Path, ...]
    variant: str = ""
    """What stands between the name and the suffix of its weights files, such as ``fp16``."""


@dataclass(frozen=True)
class CheckpointFiles:
    """The components of a checkpoint, sorted by name, with its family and the folder of configs."""

    family: Family
    root: Path
    index: dict[str, Any]
    components: list[ComponentFiles]

    def find(self, name: str) -> ComponentFiles:
        """The component of this name."""
        return next(component for component in self.components if component.name == name)


def find_components(settings: CheckpointSettings) -> list[ComponentFiles]:
    """The components of a checkpoint, sorted by name; see ``find_checkpoint``."""
    return find_checkpoint(settings).components


def find_checkpoint(settings: CheckpointSettings) -> CheckpointFiles:
    """Find the files of a checkpoint.

    Raises CheckpointError, with the command that fetches the checkpoint, if a file is missing or
    not JSON, names an unsupported class, or if weights are pickles and pickles are not allowed.
    """
    single = settings.family == "single-file"
    if single and not settings.path.is_file():
        raise make_checkpoint_error(settings, f"There is no file {settings.path}.")
    if single:
        _require_allowed(settings, settings.path)
    root = _find_root(settings)
    index = _read_json(settings, root / INDEX)
    family = _find_family(root / INDEX, index)
    if single and not family.key_prefixes:
        raise CheckpointError(
            f"{settings.path} cannot be read as a single file of {family.name}: use the diffusers "
            "folder of the checkpoint with `family: diffusers`."
        )
    components = []
    for name in family.models:
        if _is_absent(index, name, family):
            continue
        weights: tuple[Path, ...] = (settings.path,)
        variant = ""
        if not single:
            names = _list_weight_names(index[name][0])
            weights, variant = _find_weights(settings, root / name, names)
        config_path = root / name / CONFIG_FILE
        config = _read_json(settings, config_path)
        components.append(ComponentFiles(name, config, (config_path,), weights, variant))
    for name in family.tokenizers:
        if not _is_absent(index, name, family):
            files = _list_tokenizer_files(settings, root / name)
            config = _read_json(settings, root / name / TOKENIZER_FILE)
            components.append(ComponentFiles(name, config, tuple(files), ()))
    scheduler = root / "scheduler" / SCHEDULER_FILE
    components.append(
        ComponentFiles("scheduler", _read_json(settings, scheduler), (scheduler,), ())
    )
    for path in {path for component in components for path in component.weights}:
        _require_allowed(settings, path)
    ordered = sorted(components, key=lambda part: part.name)
    return CheckpointFiles(family, root, index, ordered)


def _find_root(settings: CheckpointSettings) -> Path:
    """The folder of the configurations."""
    if settings.family == "single-file" and settings.config is None:
        return find_description(settings, read_shapes(settings, settings.path))
    if settings.config and str(settings.config) in DESCRIPTIONS:
        return FOLDER / settings.config
    root = settings.config if settings.config else settings.path
    if not root.is_dir():
        raise make_checkpoint_error(settings, f"There is no folder {root}.")
    return root


def _require_allowed(settings: CheckpointSettings, path: Path) -> None:
    if path.suffix != SAFETENSORS_SUFFIX and not settings.unsafe_pickle:
        raise CheckpointError(
            f"{path} is not a safetensors file: reading a pickle can run the code of its author. "
            f"Convert it with `seedwitness convert {path}`, which scans it and reads nothing but "
            "its tensors, and name the safetensors file instead; or set `unsafe_pickle: true` for "
            "this checkpoint to have the same done at each reading."
        )


def _read_json(settings: CheckpointSettings, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise make_checkpoint_error(
            settings, f"There is no {path}: the checkpoint is incomplete."
        ) from None
    except (ValueError, RecursionError) as error:
        raise make_checkpoint_error(settings, f"{path} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise make_checkpoint_error(settings, f"{path} is no JSON object.")
    if REMOTE_CODE in document:
        raise CheckpointError(
            f"{path} asks for code of its author to be run ({REMOTE_CODE}), which is never done: "
            "use a checkpoint of diffusers' own classes."
        )
    return document


def _find_family(path: Path, index: Mapping[str, Any]) -> Family:
    name = index.get("_class_name")
    if name not in FAMILIES:
        raise CheckpointError(
            f"{path} describes a {name}. Only these classes are supported: {', '.join(FAMILIES)}."
        )
    family = FAMILIES[str(name)]
    for part, classes in {**family.models, **family.tokenizers}.items():
        entry = index.get(part) or [None, None]
        found = entry[1] if isinstance(entry, list) and len(entry) == 2 else entry
        if found not in classes and not _is_absent(index, part, family):
            raise CheckpointError(
                f"{path} names {found} as `{part}`, which is not supported. "
                f"Supported classes: {', '.join(classes)}."
            )
    return family


def _is_absent(index: Mapping[str, Any], name: str, family: Family) -> bool:
    """Whether a checkpoint does without a component that its family has."""
    return name in family.optional and (index.get(name) or [None, None])[1] is None


def _list_weight_names(library: str) -> tuple[str, ...]:
    return TRANSFORMERS_WEIGHTS if library == "transformers" else DIFFUSERS_WEIGHTS


def _list_tokenizer_files(settings: CheckpointSettings, folder: Path) -> list[Path]:
    """List the files of a tokenizer; its vocabulary may have any of three forms."""
    if is_bundled(folder):
        return [folder / TOKENIZER_FILE, CLIP_VOCABULARY.path()]
    if not any((folder / name).exists() for name in VOCABULARIES):
        raise make_checkpoint_error(
            settings, f"There is no vocabulary in {folder}: the checkpoint is incomplete."
        )
    return sorted(path for path in folder.iterdir() if path.suffix in TOKENIZER_SUFFIXES)


def _find_weights(
    settings: CheckpointSettings, folder: Path, names: tuple[str, ...]
) -> tuple[tuple[Path, ...], str]:
    """Find the weights files that diffusers and transformers read, and their variant.

    One file or shards; files without a variant first. Where there are only variants, there has to
    be one.
    """
    for name in names:
        if found := _find_file_or_shards(settings, folder, name, ""):
            return found, ""
        variants = _list_variants(folder, name)
        if len(variants) > 1:
            raise make_checkpoint_error(
                settings,
                f"{folder} holds several variants of its weights ({', '.join(variants)}) and none "
                "without a variant: leave the one that is to be examined and move the others away.",
            )
        if variants and (found := _find_file_or_shards(settings, folder, name, variants[0])):
            return found, variants[0]
    others = sorted(
        path.name for path in folder.glob("*") if path.suffix in (SAFETENSORS_SUFFIX, ".bin")
    )
    alternatives = f" (it holds {', '.join(others)})" if others else ""
    raise make_checkpoint_error(
        settings, f"There is no {folder / names[0]}{alternatives}: the checkpoint is incomplete."
    )


def _find_file_or_shards(
    settings: CheckpointSettings, folder: Path, name: str, variant: str
) -> tuple[Path, ...]:
    stem, suffix = name.rsplit(".", 1)
    infix = f".{variant}" if variant else ""
    whole = folder / f"{stem}{infix}.{suffix}"
    if whole.exists():
        return (whole,)
    index = folder / f"{stem}.{suffix}.index{infix}.json"
    if not index.exists():
        return ()
    entries = _read_json(settings, index).get("weight_map", {})
    shards = sorted({str(shard) for shard in entries.values()}) if isinstance(entries, dict) else []
    if outside := [shard for shard in shards if Path(shard).name != shard]:
        raise make_checkpoint_error(
            settings, f"{index} names {outside[0]}, which is not in its folder."
        )
    missing = [shard for shard in shards if not (folder / shard).exists()]
    if missing or not shards:
        raise make_checkpoint_error(
            settings, f"{index} names {missing or 'no'} weights that are missing."
        )
    return tuple(folder / shard for shard in shards)


def _list_variants(folder: Path, name: str) -> list[str]:
    """Names of variants of a weights file, from the whole files and the lists of shards."""
    stem, suffix = name.rsplit(".", 1)
    whole = [
        path.name[len(stem) + 1 : -len(suffix) - 1] for path in folder.glob(f"{stem}.*.{suffix}")
    ]
    shards = [
        path.name.removeprefix(f"{stem}.{suffix}.index.").removesuffix(".json")
        for path in folder.glob(f"{stem}.{suffix}.index.*.json")
    ]
    return sorted({variant for variant in (*whole, *shards) if "-of-" not in variant})
