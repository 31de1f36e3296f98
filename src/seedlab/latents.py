"""Pictures as latents of the lab's autoencoder."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor


@torch.no_grad()
def encode_latents(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Unscaled mode of the latents: uint8 [n, 3, size, size] to float [n, c, size/f, size/f]."""
    x = pictures.to(vae.device).float() / 127.5 - 1
    x = x.to(memory_format=torch.channels_last)  # a third faster on a CPU
    latents: Tensor = vae.encode(x).latent_dist.mode().cpu()
    return latents
