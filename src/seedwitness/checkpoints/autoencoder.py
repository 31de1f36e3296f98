"""Load an autoencoder alone: thousands of checkpoints share one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffusers import AutoencoderKL

from seedwitness.errors import CheckpointError
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.hashes import sha256_file

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class LoadedAutoencoder:
    """An autoencoder ready for encoding, and the SHA-256 of its weights."""

    vae: AutoencoderKL
    path: Path
    sha256: str


def load_autoencoder(path: Path) -> LoadedAutoencoder:
    """Load the autoencoder in a folder, or in a checkpoint's folder ``vae``, on the GPU if any.

    Raises CheckpointError if there is none, or if weights are missing.
    """
    folder = path / "vae" if (path / "vae").is_dir() else path
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"There is no {folder / name}: --vae takes the folder of an autoencoder in "
                f"diffusers' format, with {CONFIG} and {WEIGHTS}, or a checkpoint's folder with "
                "such a folder `vae`."
            )
    try:
        vae, report = AutoencoderKL.from_pretrained(
            str(folder), use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # diffusers raises many types for broken files
        raise CheckpointError(f"{folder} cannot be loaded as an autoencoder: {error}") from error
    missing = [*report["missing_keys"], *report["mismatched_keys"]]
    if missing:
        raise CheckpointError(
            f"{folder / WEIGHTS} lacks {len(missing)} weights or has them in another shape, among "
            f"them {missing[0]}: it is not the autoencoder that its {CONFIG} describes."
        )
    return LoadedAutoencoder(vae.to(default_device()).eval(), folder, sha256_file(folder / WEIGHTS))
