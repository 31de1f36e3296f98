"""Identify a checkpoint by the content of its files: hashes, shapes and sizes.

Only the headers of the weights are read, so this takes as long as hashing the files and needs no
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from seedwitness.checkpoints.bundled import explain_kind
from seedwitness.checkpoints.families.contract import Family, LatentFormat
from seedwitness.checkpoints.file_hashes import hash_file_once
from seedwitness.checkpoints.key_names import has_prefix
from seedwitness.checkpoints.layout import CheckpointFiles, ComponentFiles, find_checkpoint
from seedwitness.checkpoints.problems import make_checkpoint_error
from seedwitness.checkpoints.tensor_shapes import Shapes, read_shapes
from seedwitness.checkpoints.weights_kind import name_weights_kind
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError
from seedwitness.records.checkpoint import CheckpointComponent, CheckpointIdentity
from seedwitness.runtime.hashes import digest

__all__ = ["Inspection", "identify_checkpoint", "inspect_checkpoint", "read_shapes"]


@dataclass(frozen=True)
class Inspection:
    """What the files of a checkpoint say before they are hashed."""

    files: CheckpointFiles
    latents: LatentFormat
    parameters: dict[str, int]
    """Elements of the weight tensors, by component."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in _list_paths(self.files.components))


def inspect_checkpoint(settings: CheckpointSettings) -> Inspection:
    """Check a checkpoint's files by all that can be read without reading their tensors.

    Raises CheckpointError, which names the file and what to do, if a file is missing, truncated or
    of another kind, or components do not match.
    """
    files = find_checkpoint(settings)
    paths = {path for part in files.components for path in part.weights}
    shapes = {path: read_shapes(settings, path) for path in sorted(paths)}
    if settings.family == "single-file":
        _check_kind(settings, files.family, shapes[settings.path])
    parameters = {
        part.name: _count_parameters(settings, files.family, part, shapes)
        for part in files.components
    }
    configs = {part.name: part.config for part in files.components}
    try:
        latents = files.family.describe(configs)
    except ValueError as error:
        raise make_checkpoint_error(settings, f"{settings.path} {error}.") from error
    return Inspection(files, latents, parameters)


def identify_checkpoint(name: str, settings: CheckpointSettings) -> CheckpointIdentity:
    """Identify a checkpoint by its components' hashes; ``sha256`` is independent of its path.

    ``parameters`` counts the elements of the weight tensors; ``width`` and ``height`` come from the
    settings, or are the denoiser's training size. Raises CheckpointError as ``inspect_checkpoint``.
    """
    inspection = inspect_checkpoint(settings)
    parts, latents = inspection.files.components, inspection.latents
    hashes = {path: hash_file_once(path) for path in _list_paths(parts)}
    components = [
        CheckpointComponent(
            name=part.name,
            parameters=inspection.parameters[part.name],
            files={_make_label(part, path): hashes[path] for path in (*part.files, *part.weights)},
        )
        for part in parts
    ]
    return CheckpointIdentity(
        name=name,
        family=settings.family,
        # File names are left out: a renamed file is the same checkpoint.
        sha256=digest(
            {component.name: sorted(component.files.values()) for component in components}
        ),
        components=components,
        latent_channels=latents.channels,
        latent_scale=latents.scale,
        width=settings.width or latents.width,
        height=settings.height or latents.height,
        prompt_limit=latents.prompt_limit,
        prediction_type=latents.prediction_type,
        dtype=settings.dtype,
    )


def _list_paths(parts: list[ComponentFiles]) -> list[Path]:
    return sorted({path for part in parts for path in (*part.files, *part.weights)})


def _check_kind(settings: CheckpointSettings, family: Family, shapes: Shapes) -> None:
    """Raise CheckpointError if a single file is of another kind than its configuration says."""
    kind = name_weights_kind(shapes)
    is_known = kind.startswith("a checkpoint of") or not kind
    if not is_known:
        raise CheckpointError(explain_kind(settings.path, kind))
    is_xl = kind == "a checkpoint of Stable Diffusion XL"
    if kind and is_xl != (family.pipeline_class == "StableDiffusionXLPipeline"):
        raise CheckpointError(
            f"{settings.path} is {kind}, but {settings.config} describes one of {family.name}. "
            "Name the folder that belongs to it as `config`, or set `config` to null for the "
            "bundled one."
        )


def _count_parameters(
    settings: CheckpointSettings, family: Family, part: ComponentFiles, shapes: dict[Path, Shapes]
) -> int:
    sizes = {key: prod(shape) for path in part.weights for key, shape in shapes[path].items()}
    if settings.family == "single-file" and part.weights:
        prefixes = family.key_prefixes[part.name]
        sizes = {key: size for key, size in sizes.items() if has_prefix(key, prefixes)}
        if not sizes:
            raise make_checkpoint_error(
                settings,
                f"{settings.path} holds no {part.name} (no key begins with "
                f"{' or '.join(prefixes)}).",
            )
    return sum(sizes.values())


def _make_label(part: ComponentFiles, path: Path) -> str:
    return path.name if path in part.weights else f"{part.name}/{path.name}"
