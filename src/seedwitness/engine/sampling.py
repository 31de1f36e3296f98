"""Batched sampling from a latent diffusion checkpoint, on diffusers' own models and schedulers.

At batch 1 the final latents are those of StableDiffusionPipeline, bit for bit. In a batch they are
the same but for the last bits that batched arithmetic leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from torch import Generator, Tensor

from seedwitness.engine.schedulers import SAMPLERS, require_sampler, set_timesteps
from seedwitness.runtime.devices import full_precision


def torch_noise(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Noise as diffusers draws it on the CPU, one generator a seed: [n, *shape]."""
    return torch.stack(
        [torch.randn(tuple(shape), generator=torch.Generator().manual_seed(s)) for s in seeds]
    )


@full_precision()
@torch.no_grad()
def embed_prompts(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> Tensor:
    """The text encoder's last states, as StableDiffusionPipeline uses them: [n, limit, width].

    What is longer than the encoder's limit is cut, as there; ``tokens_cut`` says how much.
    """
    encoder = pipeline.text_encoder
    tokens = pipeline.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=pipeline.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    masked = getattr(encoder.config, "use_attention_mask", False)
    mask = tokens.attention_mask.to(pipeline.device) if masked else None
    states: Tensor = encoder(tokens.input_ids.to(pipeline.device), attention_mask=mask)[0]
    return states


def embed_each(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> Tensor:
    """As ``embed_prompts``, every different prompt once and by itself: [n, limit, width].

    So a prompt's states do not depend, even in their last bits, on what else is in the batch.
    """
    states = {prompt: embed_prompts(pipeline, [prompt]) for prompt in dict.fromkeys(prompts)}
    return torch.cat([states[prompt] for prompt in prompts])


def tokens_cut(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> list[int]:
    """For each prompt, how many of its tokens lie beyond the text encoder's limit."""
    limit = pipeline.tokenizer.model_max_length
    ids = pipeline.tokenizer(list(prompts), verbose=False).input_ids
    return [max(0, len(each) - limit) for each in ids]


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
    generators: Sequence[Generator] | None = None,
) -> Tensor:
    """Final latents [n, c, h, w] under guidance (Ho & Salimans, 2022), by a sampler's name.

    ``embeddings`` is [n, limit, width], ``noise`` [n, c, h, w]. ``negative`` is what guidance leads
    away from, [1 or n, limit, width]: without it the empty prompt. ``sampler`` is one of
    ``SAMPLERS``; without it the checkpoint's own scheduler. ``generators``, one a row, are drawn
    on by a sampler whose ``eta`` is not 0.

    Guidance 1 spends one NFE a step and image, any other two. (StableDiffusionPipeline does not
    guide below 1 either; here guidance 0 is the negative prompt alone, as the formula says.)
    The result does not depend on the batch but for the last bits that batched arithmetic leaves
    open (about 1e-5 in float32). Raises ConfigError for an unknown sampler or an eta it has not.
    """
    scheduler = scheduler_of(pipeline, sampler, eta)
    set_timesteps(scheduler, num_inference_steps, pipeline.device)
    latents = noise.to(pipeline.device) * scheduler.init_noise_sigma
    further = _step_arguments(eta, generators, len(noise))
    return denoise(
        pipeline,
        scheduler,
        latents,
        embeddings,
        scheduler.timesteps,
        guidance_scale,
        negative,
        further,
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
    further: Mapping[str, Any] = MappingProxyType({}),
) -> Tensor:
    """Latents [n, c, h, w] after ``timesteps`` of a scheduler that is set to where they are.

    As ``sample_latents``; ``further`` are arguments of the scheduler's steps.
    """
    guided = guidance_scale != 1.0
    if guided:
        if negative is None:
            negative = embed_prompts(pipeline, [""])
        embeddings = torch.cat([negative.expand(len(latents), -1, -1), embeddings])
    t: Tensor
    for t in timesteps:
        doubled = torch.cat([latents, latents]) if guided else latents
        predicted = pipeline.unet(
            scheduler.scale_model_input(doubled, t), t, embeddings, return_dict=False
        )[0]
        if guided:
            unconditional, conditional = predicted.chunk(2)
            predicted = unconditional + guidance_scale * (conditional - unconditional)
        latents = scheduler.step(predicted, t, latents, **further, return_dict=False)[0]
    return latents


@full_precision()
@torch.no_grad()
def decode_latents(pipeline: StableDiffusionPipeline, latents: Tensor) -> Tensor:
    """Pictures of final latents, rounded as the pipeline does it: uint8 [n, 3, height, width]."""
    decoded: Tensor = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()


@full_precision()
@torch.no_grad()
def encode_pictures(pipeline: StableDiffusionPipeline, pictures: Tensor) -> Tensor:
    """Latents of pictures, the mode of the autoencoder's posterior, scaled as the denoiser sees it.

    ``pictures`` is uint8 [n, 3, height, width], the result float32 [n, c, h, w] on the CPU.
    """
    x = (pictures.to(pipeline.device).float() / 127.5 - 1).to(pipeline.vae.dtype)
    mode = pipeline.vae.encode(x).latent_dist.mode()
    latents: Tensor = mode * pipeline.vae.config.scaling_factor
    return latents.float().cpu()


def scheduler_of(pipeline: StableDiffusionPipeline, sampler: str | None, eta: float = 0.0) -> Any:
    """A fresh scheduler, by name or the checkpoint's own: they count their steps, so none twice."""
    config = pipeline.scheduler.config
    if sampler is None:
        return type(pipeline.scheduler).from_config(config)
    require_sampler(sampler, eta)
    return SAMPLERS[sampler](config)


def _step_arguments(eta: float, generators: Sequence[Generator] | None, n: int) -> dict[str, Any]:
    if not eta:
        return {}
    if generators is None or len(generators) != n:
        # Without them diffusers would draw on the global generator.
        raise ValueError(f"eta {eta} needs a generator for each of {n} rows")
    return {"eta": eta, "generator": list(generators)}
