"""How near a checkpoint comes to a picture that it is shown: image to image, and by gradient.

What is reached in these ways is no evidence that the picture was learned: the picture itself is
where they start.
"""

from __future__ import annotations

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.engine.sampling import denoise, scheduler_of
from seedwitness.engine.schedulers import set_timesteps
from seedwitness.runtime.devices import full_precision

RATE = 0.05
"""Learning rate of Adam on latents, which have unit variance or nearly."""


@full_precision()
@torch.no_grad()
def image_to_image(
    pipeline: StableDiffusionPipeline,
    embeddings: Tensor,
    latents: Tensor,
    noise: Tensor,
    *,
    strength: float,
    num_inference_steps: int,
    guidance_scale: float,
    sampler: str | None = None,
) -> Tensor:
    """Latents noised as far as ``strength`` says and denoised again (SDEdit, Meng et al., 2022).

    As StableDiffusionImg2ImgPipeline does it: the last ``strength`` of the steps, in (0, 1].
    ``embeddings`` is [n, limit, width], ``latents`` and ``noise`` [n, c, h, w]; so is the result.
    """
    scheduler = scheduler_of(pipeline, sampler)
    set_timesteps(scheduler, num_inference_steps, pipeline.device)
    left = max(num_inference_steps - int(num_inference_steps * strength), 0)
    start = left * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(start)
    timesteps = scheduler.timesteps[start:]
    if not len(timesteps):
        return latents.to(pipeline.device)
    noised = scheduler.add_noise(
        latents.to(pipeline.device), noise.to(pipeline.device), timesteps[:1].repeat(len(latents))
    )
    return denoise(pipeline, scheduler, noised, embeddings, timesteps, guidance_scale)


@full_precision()
def nearest_latents(
    pipeline: StableDiffusionPipeline, pictures: Tensor, latents: Tensor, steps: int
) -> Tensor:
    """Latents whose decoded pictures are nearest to ``pictures`` by squared error, by Adam.

    ``pictures`` is uint8 [n, 3, height, width], ``latents`` [n, c, h, w] where the descent starts.
    Each picture by itself, so that the others make no difference but for last bits.
    """
    wanted = pictures.to(pipeline.device).float() / 127.5 - 1
    found = latents.detach().clone().to(pipeline.device).requires_grad_()
    descent = torch.optim.Adam([found], lr=RATE)
    scale = pipeline.vae.config.scaling_factor
    with torch.enable_grad():
        for _ in range(steps):
            decoded = pipeline.vae.decode((found / scale).to(pipeline.vae.dtype)).sample
            loss = (decoded.float() - wanted).square().mean((1, 2, 3)).sum()
            (found.grad,) = torch.autograd.grad(loss, found)
            descent.step()
    return found.detach()
