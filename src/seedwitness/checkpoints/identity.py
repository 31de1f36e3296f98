"""What a checkpoint is, by what is in its files: hashes, shapes and sizes, without its weights.

Only headers of weights are read, so this takes as long as hashing the files, and no torch.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from seedwitness.checkpoints.layout import PREFIXES, SAFE, Part, find_parts, unusable
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.records.checkpoint import CheckpointComponent, CheckpointIdentity
from seedwitness.records.recipe import digest
from seedwitness.runtime.files import sha256_file

Shapes = dict[str, tuple[int, ...]]


def identify_checkpoint(name: str, settings: CheckpointSettings) -> CheckpointIdentity:
    """A checkpoint by its components' hashes; its ``sha256`` does not depend on where it lies.

    ``parameters`` counts the elements of the tensors in the weights; ``width`` and ``height`` are
    the settings', or what the denoiser was trained at. Raises CheckpointError, naming the file and
    the command that fetches it, where something is missing, half-written, or does not fit together.
    """
    found = find_parts(settings)
    headers = {path: shapes(settings, path) for part in found for path in part.weights}
    hashes = {path: sha256_file(path) for part in found for path in (*part.files, *part.weights)}
    components = [
        CheckpointComponent(
            name=part.name,
            parameters=_parameters(settings, part, headers),
            files={_label(part, path): hashes[path] for path in (*part.files, *part.weights)},
        )
        for part in found
    ]
    settings_of = {part.name: part.config for part in found}
    unet, vae = settings_of["unet"], settings_of["vae"]
    _fits(settings, settings_of)
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    size = unet["sample_size"]
    height, width = size if isinstance(size, list) else (size, size)
    return CheckpointIdentity(
        name=name,
        family=settings.family,
        # File names are left out: a renamed file is the same checkpoint.
        sha256=digest({each.name: sorted(each.files.values()) for each in components}),
        components=components,
        latent_channels=unet["in_channels"],
        latent_scale=scale,
        width=settings.width or width * scale,
        height=settings.height or height * scale,
        prompt_limit=settings_of["tokenizer"]["model_max_length"],
        prediction_type=settings_of["scheduler"].get("prediction_type", "epsilon"),
        dtype=settings.dtype,
    )


def shapes(settings: CheckpointSettings, path: Path) -> Shapes:
    """The tensors in a file of weights, by name; it is checked to be whole."""
    if path.suffix != SAFE:
        from seedwitness.checkpoints import pickles

        return pickles.shapes(settings, path)
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in sorted(file.keys())}
    except (SafetensorError, OSError) as error:
        raise unusable(
            settings, f"{path} is no whole safetensors file ({error}): was it fully written?"
        ) from error


def _parameters(settings: CheckpointSettings, part: Part, headers: dict[Path, Shapes]) -> int:
    sizes = {key: prod(shape) for path in part.weights for key, shape in headers[path].items()}
    if settings.family == "single-file" and part.weights:
        sizes = {key: n for key, n in sizes.items() if key.startswith(PREFIXES[part.name])}
        if not sizes:
            raise unusable(
                settings,
                f"{settings.path} holds no {part.name} (no key begins with "
                f"{' or '.join(PREFIXES[part.name])}).",
            )
    return sum(sizes.values())


def _label(part: Part, path: Path) -> str:
    return path.name if path in part.weights else f"{part.name}/{path.name}"


def _fits(settings: CheckpointSettings, of: dict[str, dict[str, Any]]) -> None:
    """Raise CheckpointError where the components are not of one text-to-image checkpoint."""
    missing = [
        f"{part}: {key}"
        for part, keys in (
            ("unet", ("in_channels", "sample_size")),
            ("vae", ("latent_channels", "block_out_channels")),
            ("text_encoder", ("max_position_embeddings",)),
            ("tokenizer", ("model_max_length",)),
        )
        for key in keys
        if not of[part].get(key)
    ]
    if missing:
        raise unusable(
            settings, f"The configuration of {settings.path} lacks {', '.join(missing)}."
        )
    if of["unet"]["in_channels"] != of["vae"]["latent_channels"]:
        raise unusable(
            settings,
            f"{settings.path} is no text-to-image checkpoint: its denoiser takes "
            f"{of['unet']['in_channels']} channels, its autoencoder gives "
            f"{of['vae']['latent_channels']}.",
        )
    if of["unet"].get("time_cond_proj_dim"):
        raise unusable(
            settings,
            f"The denoiser of {settings.path} is distilled to take guidance as an input "
            "(time_cond_proj_dim), which is not sampled from here.",
        )
    limit, read = of["tokenizer"]["model_max_length"], of["text_encoder"]["max_position_embeddings"]
    if limit > read:
        raise unusable(
            settings,
            f"The tokenizer of {settings.path} lets {limit} tokens through, its text encoder reads "
            f"{read}.",
        )
