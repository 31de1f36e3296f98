"""Batched sampling from a latent diffusion checkpoint, on diffusers' own models and schedulers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor


def torch_noise(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Noise as diffusers draws it on the CPU, one generator a seed: [n, *shape]."""
    return torch.stack(
        [torch.randn(tuple(shape), generator=torch.Generator().manual_seed(s)) for s in seeds]
    )


@torch.no_grad()
def embed_prompts(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> Tensor:
    """The text encoder's last states, as StableDiffusionPipeline uses them: [n, limit, width]."""
    ids = pipeline.tokenizer(
        list(prompts), padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    states: Tensor = pipeline.text_encoder(ids.to(pipeline.device)).last_hidden_state
    return states


@torch.no_grad()
def sample_latents(
    pipeline: StableDiffusionPipeline,
    embeddings: Tensor,
    noise: Tensor,
    *,
    num_inference_steps: int,
    guidance_scale: float,
) -> Tensor:
    """Final latents under the pipeline's scheduler and guidance (Ho & Salimans, 2022).

    ``embeddings`` is [n, limit, width], ``noise`` [n, c, h, w]; guidance 1 spends one NFE a step
    and image, any other two. The result does not depend on the batch but for the last bits that
    batched arithmetic leaves open (about 1e-5 in float32).
    """
    scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(num_inference_steps)
    latents: Tensor = noise.to(pipeline.device) * scheduler.init_noise_sigma
    guided = guidance_scale != 1.0
    if guided:
        empty = embed_prompts(pipeline, [""]).expand(len(noise), -1, -1)
        embeddings = torch.cat([empty, embeddings])
    t: Tensor
    for t in scheduler.timesteps:
        doubled = torch.cat([latents, latents]) if guided else latents
        predicted = pipeline.unet(scheduler.scale_model_input(doubled, t), t, embeddings).sample
        if guided:
            unconditional, conditional = predicted.chunk(2)
            predicted = unconditional + guidance_scale * (conditional - unconditional)
        latents = scheduler.step(predicted, t, latents).prev_sample
    return latents


@torch.no_grad()
def decode_latents(pipeline: StableDiffusionPipeline, latents: Tensor) -> Tensor:
    """Pictures of final latents, rounded as the pipeline does it: uint8 [n, 3, height, width]."""
    decoded: Tensor = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()
