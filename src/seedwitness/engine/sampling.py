"""Batched sampling from a latent diffusion checkpoint, on diffusers' own models and schedulers.

At batch 1 the final latents equal those of StableDiffusionPipeline bit for bit. In a larger batch
they may differ in the last bits, as batched arithmetic does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from torch import Tensor

from seedwitness.engine.schedulers import SAMPLERS, adds_noise, require_sampler, set_timesteps
from seedwitness.runtime.devices import full_precision


def draw_torch_noise(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Draw noise as diffusers does on the CPU, with one generator for each seed: [n, *shape]."""
    return torch.stack(
        [torch.randn(tuple(shape), generator=torch.Generator().manual_seed(s)) for s in seeds]
    )


@full_precision()
@torch.no_grad()
def embed_prompts(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> Tensor:
    """The text encoder's last hidden states, as in StableDiffusionPipeline: [n, limit, width].

    A prompt that is longer than the encoder's limit is truncated, as there;
    ``count_truncated_tokens`` gives the number of lost tokens.
    """
    encoder = pipeline.text_encoder
    tokens = pipeline.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=pipeline.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    uses_mask = getattr(encoder.config, "use_attention_mask", False)
    mask = tokens.attention_mask.to(pipeline.device) if uses_mask else None
    states: Tensor = encoder(tokens.input_ids.to(pipeline.device), attention_mask=mask)[0]
    return states


def embed_prompts_separately(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> Tensor:
    """As ``embed_prompts``, but each different prompt once and alone: [n, limit, width].

    So the states of a prompt do not depend, even in their last bits, on the rest of the batch.
    """
    states = {prompt: embed_prompts(pipeline, [prompt]) for prompt in dict.fromkeys(prompts)}
    return torch.cat([states[prompt] for prompt in prompts])


def count_truncated_tokens(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> list[int]:
    """For each prompt, the number of its tokens beyond the text encoder's limit."""
    limit = pipeline.tokenizer.model_max_length
    token_ids = pipeline.tokenizer(list(prompts), verbose=False).input_ids
    return [max(0, len(ids) - limit) for ids in token_ids]


@full_precision()
@torch.no_grad()
def sample_latents(
    pipeline: StableDiffusionPipeline,
    embeddings: Tensor,
    noise: Tensor,
    *,
    num_inference_steps: int,
    guidance_scale: float,
    sampler: str | None = None,
    negative: Tensor | None = None,
    eta: float = 0.0,
    step_noise: Iterator[Tensor] | None = None,
) -> Tensor:
    """Sample final latents [n, c, h, w] with classifier-free guidance (Ho & Salimans, 2022).

    ``embeddings`` is [n, limit, width], ``noise`` [n, c, h, w]. ``negative`` embeds the negative
    prompts, [1 or n, limit, width]; without it they are empty. ``sampler`` is one of ``SAMPLERS``;
    without it the checkpoint's own scheduler is used. ``step_noise`` gives the noise after each
    step in turn, [n, c, h, w], to a sampler that adds noise.

    Guidance 1 costs one NFE for each step and image, any other two. (StableDiffusionPipeline does
    not guide below 1 either; here guidance 0 samples from the negative prompt alone, as the formula
    says.) The batch changes the result in the last bits at most (about 1e-5 in float32). Raises
    ConfigError for an unknown sampler, or for an eta that it does not support.
    """
    scheduler = make_scheduler(pipeline, sampler, eta)
    set_timesteps(scheduler, num_inference_steps, pipeline.device)
    latents = noise.to(pipeline.device) * scheduler.init_noise_sigma
    if adds_noise(sampler, eta) and step_noise is None:
        # Without it diffusers would use the global generator.
        raise ValueError(f"{sampler} with eta {eta} needs the noise of its steps")
    return denoise(
        pipeline,
        scheduler,
        latents,
        embeddings,
        scheduler.timesteps,
        guidance_scale,
        negative,
        {"eta": eta} if eta else {},
        step_noise if adds_noise(sampler, eta) else None,
    )


@full_precision()
@torch.no_grad()
def denoise(
    pipeline: StableDiffusionPipeline,
    scheduler: Any,
    latents: Tensor,
    embeddings: Tensor,
    timesteps: Tensor,
    guidance_scale: float,
    negative: Tensor | None = None,
    step_arguments: Mapping[str, Any] = MappingProxyType({}),
    step_noise: Iterator[Tensor] | None = None,
) -> Tensor:
    """Denoise latents [n, c, h, w] by the ``timesteps`` of a scheduler that is set to their level.

    The arguments are those of ``sample_latents``; ``step_arguments`` go to the scheduler's steps.
    """
    is_guided = guidance_scale != 1.0
    if is_guided:
        if negative is None:
            negative = embed_prompts(pipeline, [""])
        embeddings = torch.cat([negative.expand(len(latents), -1, -1), embeddings])
    t: Tensor
    for t in timesteps:
        batch = torch.cat([latents, latents]) if is_guided else latents
        prediction = pipeline.unet(
            scheduler.scale_model_input(batch, t), t, embeddings, return_dict=False
        )[0]
        if is_guided:
            unconditional, conditional = prediction.chunk(2)
            prediction = unconditional + guidance_scale * (conditional - unconditional)
        arguments = dict(step_arguments)
        if step_noise is not None:
            arguments["variance_noise"] = next(step_noise).to(latents)
        latents = scheduler.step(prediction, t, latents, **arguments, return_dict=False)[0]
    return latents


@full_precision()
@torch.no_grad()
def decode_latents(pipeline: StableDiffusionPipeline, latents: Tensor) -> Tensor:
    """Decode final latents to images, rounded as by the pipeline: uint8 [n, 3, height, width]."""
    decoded: Tensor = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()


@full_precision()
@torch.no_grad()
def encode_pictures(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Encode images to latents: the mode of the autoencoder's posterior, scaled for the denoiser.

    ``pictures`` is uint8 [n, 3, height, width]. The result is float32 [n, c, h, w] on the CPU.
    """
    x = (pictures.to(vae.device).float() / 127.5 - 1).to(vae.dtype)
    latents: Tensor = vae.encode(x).latent_dist.mode() * vae.config.scaling_factor
    return latents.float().cpu()


def make_scheduler(pipeline: StableDiffusionPipeline, sampler: str | None, eta: float = 0.0) -> Any:
    """A new scheduler, by name or the checkpoint's own.

    A scheduler counts its steps, so none is used twice. Raises ConfigError as ``require_sampler``.
    """
    config = pipeline.scheduler.config
    if sampler is None:
        return type(pipeline.scheduler).from_config(config)
    require_sampler(sampler, eta)
    return SAMPLERS[sampler](config)
