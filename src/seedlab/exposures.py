"""What a checkpoint is shown: the latents and captions of every copy of an epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor

from seedlab.autoencoder import encode
from seedlab.copies import augmented
from seedlab.diffusion import Exposures
from seedlab.home import Lab
from seedlab.truth import Copy


def exposures(lab: Lab, vae: AutoencoderKL, shown: Sequence[Copy]) -> Exposures:
    """Latents, scaled to unit deviation, and captions of ``shown``, in its order."""
    rows = list(dict.fromkeys(copy.picture for copy in shown))
    images = dict(zip((row.id for row in rows), lab.pictures(rows), strict=True))
    numbers: dict[tuple[str, int], int] = {}  # exact copies of a picture share one latent
    which: list[int] = []
    pixels: list[Tensor] = []
    for copy in shown:
        key = (copy.picture.id, 0 if copy.exact else copy.number)
        if key not in numbers:
            numbers[key] = len(pixels)
            image = images[copy.picture.id]
            if not copy.exact:
                drawn = Image.fromarray(image.permute(1, 2, 0).numpy())
                array = np.array(augmented(drawn, copy.picture, copy.number))
                image = torch.from_numpy(array).permute(2, 0, 1)
            pixels.append(image)
        which.append(numbers[key])
    stacked = torch.stack(pixels)
    latents = torch.cat([encode(vae, part) for part in stacked.split(32)])
    scaled = latents * vae.config.scaling_factor
    return Exposures(scaled, tuple(which), tuple(copy.caption for copy in shown))
