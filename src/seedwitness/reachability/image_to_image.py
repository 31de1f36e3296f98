"""Image to image: noises the latents of an image and denoises them again (SDEdit).

The result is no evidence that the checkpoint has learned the image, because sampling starts from
the image itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.checkpoints.families import get_family
from seedwitness.config.names import AS_CHECKPOINT
from seedwitness.engine.sampling import denoise, make_scheduler
from seedwitness.engine.schedulers import (
    adds_noise,
    describe_scheduler,
    is_flow,
    resolve_sampler,
    set_timesteps,
)
from seedwitness.runtime.devices import full_precision


@full_precision()
@torch.no_grad()
def sample_from_image(
    pipeline: StableDiffusionPipeline,
    embeddings: Tensor,
    latents: Tensor,
    noise: Tensor,
    *,
    strength: float,
    num_inference_steps: int,
    guidance_scale: float,
    sampler: str | None = None,
    step_noise: Iterator[Tensor] | None = None,
) -> Tensor:
    """Noise ``latents`` as far as ``strength`` says, and denoise them (SDEdit, Meng et al., 2022).

    The same as StableDiffusionImg2ImgPipeline: it runs the last ``strength``, in (0, 1], of the
    steps. ``embeddings`` is [n, limit, width]; ``latents``, ``noise`` and the result [n, c, h, w].
    ``step_noise`` is that of ``sample_latents``.
    """
    scheduler = make_scheduler(pipeline, sampler)
    arguments = get_family(pipeline).timestep_arguments(
        pipeline, scheduler, num_inference_steps, latents.shape
    )
    set_timesteps(scheduler, num_inference_steps, pipeline.device, arguments)
    skipped_steps = max(num_inference_steps - int(num_inference_steps * strength), 0)
    start = skipped_steps * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(start)
    timesteps = scheduler.timesteps[start:]
    if not len(timesteps):
        return latents.to(pipeline.device)
    clean, noise = latents.to(pipeline.device), noise.to(pipeline.device)
    first = timesteps[:1].repeat(len(latents))
    if is_flow(describe_scheduler(scheduler)):
        noisy_latents = scheduler.scale_noise(clean, first, noise)
    else:
        noisy_latents = scheduler.add_noise(clean, noise, first)
    return denoise(
        pipeline,
        scheduler,
        noisy_latents,
        embeddings,
        timesteps,
        guidance_scale,
        step_noise=step_noise
        if adds_noise(resolve_sampler(pipeline.scheduler, sampler or AS_CHECKPOINT), 0.0)
        else None,
    )
