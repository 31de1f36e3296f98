"""The data of one training epoch: latents and captions of every picture copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor

from seedlab.augmentation import augment_copy
from seedlab.diffusion import EpochData
from seedlab.ground_truth import PictureCopy
from seedlab.latents import encode_latents

if TYPE_CHECKING:
    from seedlab.lab_folder import Lab


def encode_epoch(lab: Lab, vae: AutoencoderKL, copies: Sequence[PictureCopy]) -> EpochData:
    """Latents, scaled to unit standard deviation, and captions of ``copies``, in their order."""
    rows = list(dict.fromkeys(copy.picture for copy in copies))
    images = dict(zip((row.id for row in rows), lab.load_pixels(rows), strict=True))
    indices: dict[tuple[str, int], int] = {}  # exact copies of a picture share one latent
    latent_indices: list[int] = []
    pixels: list[Tensor] = []
    for copy in copies:
        key = (copy.picture.id, 0 if copy.is_exact else copy.number)
        if key not in indices:
            indices[key] = len(pixels)
            image = images[copy.picture.id]
            if not copy.is_exact:
                original = Image.fromarray(image.permute(1, 2, 0).numpy())
                array = np.array(augment_copy(original, copy.picture.id, copy.number))
                image = torch.from_numpy(array).permute(2, 0, 1)
            pixels.append(image)
        latent_indices.append(indices[key])
    stacked = torch.stack(pixels)
    latents = torch.cat([encode_latents(vae, part) for part in stacked.split(32)])
    scaled = latents * vae.config.scaling_factor
    return EpochData(scaled, tuple(latent_indices), tuple(copy.caption for copy in copies))
