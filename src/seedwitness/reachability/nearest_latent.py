"""Nearest latents: optimises latents by gradient until they decode to a given image.

The result is no evidence that the checkpoint has learned the image, because the image itself is the
target of the optimisation.
"""

from __future__ import annotations

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.runtime.devices import full_precision

LEARNING_RATE = 0.05
"""Of Adam, on latents of about unit variance."""


@full_precision()
def optimise_latents(
    pipeline: StableDiffusionPipeline, pictures: Tensor, latents: Tensor, steps: int
) -> Tensor:
    """Latents whose decoded images are nearest to ``pictures`` by squared error, by Adam.

    ``pictures`` is uint8 [n, 3, height, width]. ``latents`` [n, c, h, w] is where the descent
    starts. Each image is optimised independently, so the others change its last bits at most.
    """
    target = pictures.to(pipeline.device).float() / 127.5 - 1
    optimised = latents.detach().clone().to(pipeline.device).requires_grad_()
    optimiser = torch.optim.Adam([optimised], lr=LEARNING_RATE)
    scale = pipeline.vae.config.scaling_factor
    shift = pipeline.vae.config.get("shift_factor")
    with torch.enable_grad():
        for _ in range(steps):
            scaled = optimised / scale if shift is None else optimised / scale + shift
            decoded = pipeline.vae.decode(scaled.to(pipeline.vae.dtype)).sample
            loss = (decoded.float() - target).square().mean((1, 2, 3)).sum()
            (optimised.grad,) = torch.autograd.grad(loss, optimised)
            optimiser.step()
    return optimised.detach()
