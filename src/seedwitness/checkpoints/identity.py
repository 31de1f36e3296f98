"""Identify a checkpoint by the content of its files: hashes, shapes and sizes.

Only the headers of the weights are read, so this takes as long as hashing the files and needs no
torch.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from seedwitness.checkpoints.layout import (
    KEY_PREFIXES,
    SAFETENSORS_SUFFIX,
    ComponentFiles,
    find_components,
    make_checkpoint_error,
)
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.records.checkpoint import CheckpointComponent, CheckpointIdentity
from seedwitness.runtime.hashes import digest, sha256_file

Shapes = dict[str, tuple[int, ...]]


def identify_checkpoint(name: str, settings: CheckpointSettings) -> CheckpointIdentity:
    """Identify a checkpoint by its components' hashes; ``sha256`` is independent of its path.

    ``parameters`` counts the elements of the weight tensors; ``width`` and ``height`` come from the
    settings, or are the denoiser's training size. Raises CheckpointError, which names the file and
    the command that fetches it, if a file is missing or truncated, or components do not match.
    """
    parts = find_components(settings)
    shapes_by_path = {path: read_shapes(settings, path) for part in parts for path in part.weights}
    hashes = {path: sha256_file(path) for part in parts for path in (*part.files, *part.weights)}
    components = [
        CheckpointComponent(
            name=part.name,
            parameters=_count_parameters(settings, part, shapes_by_path),
            files={_make_label(part, path): hashes[path] for path in (*part.files, *part.weights)},
        )
        for part in parts
    ]
    configs = {part.name: part.config for part in parts}
    unet, vae = configs["unet"], configs["vae"]
    _check_components(settings, configs)
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    size = unet["sample_size"]
    height, width = size if isinstance(size, list) else (size, size)
    return CheckpointIdentity(
        name=name,
        family=settings.family,
        # File names are left out: a renamed file is the same checkpoint.
        sha256=digest(
            {component.name: sorted(component.files.values()) for component in components}
        ),
        components=components,
        latent_channels=unet["in_channels"],
        latent_scale=scale,
        width=settings.width or width * scale,
        height=settings.height or height * scale,
        prompt_limit=configs["tokenizer"]["model_max_length"],
        prediction_type=configs["scheduler"].get("prediction_type", "epsilon"),
        dtype=settings.dtype,
    )


def read_shapes(settings: CheckpointSettings, path: Path) -> Shapes:
    """Read the tensor shapes in a weights file by name; check that the file is complete."""
    if path.suffix != SAFETENSORS_SUFFIX:
        from seedwitness.checkpoints import pickles

        return pickles.read_pickle_shapes(settings, path)
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in sorted(file.keys())}
    except (SafetensorError, OSError) as error:
        raise make_checkpoint_error(
            settings, f"{path} is no complete safetensors file ({error}); it may be truncated."
        ) from error


def _count_parameters(
    settings: CheckpointSettings, part: ComponentFiles, shapes_by_path: dict[Path, Shapes]
) -> int:
    sizes = {
        key: prod(shape) for path in part.weights for key, shape in shapes_by_path[path].items()
    }
    if settings.family == "single-file" and part.weights:
        sizes = {
            key: size for key, size in sizes.items() if key.startswith(KEY_PREFIXES[part.name])
        }
        if not sizes:
            raise make_checkpoint_error(
                settings,
                f"{settings.path} holds no {part.name} (no key begins with "
                f"{' or '.join(KEY_PREFIXES[part.name])}).",
            )
    return sum(sizes.values())


def _make_label(part: ComponentFiles, path: Path) -> str:
    return path.name if path in part.weights else f"{part.name}/{path.name}"


def _check_components(settings: CheckpointSettings, configs: dict[str, dict[str, Any]]) -> None:
    """Raise CheckpointError if the components do not form one text-to-image checkpoint."""
    missing = [
        f"{part}: {key}"
        for part, keys in (
            ("unet", ("in_channels", "sample_size")),
            ("vae", ("latent_channels", "block_out_channels")),
            ("text_encoder", ("max_position_embeddings",)),
            ("tokenizer", ("model_max_length",)),
        )
        for key in keys
        if not configs[part].get(key)
    ]
    if missing:
        raise make_checkpoint_error(
            settings, f"The configuration of {settings.path} lacks {', '.join(missing)}."
        )
    if configs["unet"]["in_channels"] != configs["vae"]["latent_channels"]:
        raise make_checkpoint_error(
            settings,
            f"{settings.path} is no text-to-image checkpoint: its denoiser takes "
            f"{configs['unet']['in_channels']} channels, its autoencoder gives "
            f"{configs['vae']['latent_channels']}.",
        )
    if configs["unet"].get("time_cond_proj_dim"):
        raise make_checkpoint_error(
            settings,
            f"The denoiser of {settings.path} is distilled to take guidance as an input "
            "(time_cond_proj_dim), which is not supported.",
        )
    tokenizer_limit, encoder_limit = (
        configs["tokenizer"]["model_max_length"],
        configs["text_encoder"]["max_position_embeddings"],
    )
    if tokenizer_limit > encoder_limit:
        raise make_checkpoint_error(
            settings,
            f"The tokenizer of {settings.path} allows {tokenizer_limit} tokens, but its text "
            f"encoder reads {encoder_limit}.",
        )
