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

from seedwitness.checkpoints.families import get_family
from seedwitness.config.names import AS_CHECKPOINT
from seedwitness.engine.schedulers import (
    adds_noise,
    build_scheduler,
    describe_scheduler,
    is_flow,
    resolve_sampler,
    set_timesteps,
)
from seedwitness.engine.tool_samplers import is_tool_sampler, sample_by_tool
from seedwitness.errors import ConfigError
from seedwitness.runtime.devices import full_precision


def draw_torch_noise(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Draw noise as diffusers does on the CPU, with one generator for each seed: [n, *shape]."""
    return torch.stack(
        [torch.randn(tuple(shape), generator=torch.Generator().manual_seed(s)) for s in seeds]
    )


@full_precision()
@torch.no_grad()
def embed_prompts(
    pipeline: StableDiffusionPipeline, prompts: Sequence[str], negative: bool = False
) -> Tensor:
    """The states of prompts, as in the family's own pipeline: [n, limit, width].

    For Stable Diffusion 1 these are the text encoder's last hidden states; other families put more
    into the rows. A prompt that is longer than the encoder's limit is truncated, as there;
    ``count_truncated_tokens`` gives the number of lost tokens. ``negative`` prompts differ where a
    family treats an empty one in its own way.
    """
    return get_family(pipeline).encode_prompts(pipeline, prompts, negative)


def embed_prompts_separately(
    pipeline: StableDiffusionPipeline, prompts: Sequence[str], negative: bool = False
) -> Tensor:
    """As ``embed_prompts``, but each different prompt once and alone: [n, limit, width].

    So the states of a prompt do not depend, even in their last bits, on the rest of the batch.
    """
    states = {
        prompt: embed_prompts(pipeline, [prompt], negative) for prompt in dict.fromkeys(prompts)
    }
    return torch.cat([states[prompt] for prompt in prompts])


def count_truncated_tokens(pipeline: StableDiffusionPipeline, prompts: Sequence[str]) -> list[int]:
    """For each prompt, the number of its tokens beyond the text encoder's limit."""
    counts = get_family(pipeline).count_tokens(pipeline, prompts)
    return [max(0, count - limit) for count, limit in counts]


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
    seeds: Sequence[int] = (),
) -> Tensor:
    """Sample final latents [n, c, h, w] with classifier-free guidance (Ho & Salimans, 2022).

    ``embeddings`` is [n, limit, width], ``noise`` [n, c, h, w]. ``negative`` embeds the negative
    prompts, [1 or n, limit, width]; without it they are empty. ``sampler`` is one of ``SAMPLERS``;
    without it, or as ``checkpoint``, the checkpoint's own scheduler is used. ``step_noise`` gives
    the noise after each step in turn, [n, c, h, w], to a sampler that adds noise; ``seeds`` are
    those of the rows, for a tool's sampler of Brownian noise.

    Guidance 1 costs one NFE for each step and image, any other two. (StableDiffusionPipeline does
    not guide below 1 either; here guidance 0 samples from the negative prompt alone, as the formula
    says.) The batch changes the result in the last bits at most (about 1e-5 in float32). Raises
    ConfigError for an unknown sampler, or for an eta that it does not support.
    """
    if sampler is not None and is_tool_sampler(sampler):
        return _sample_by_tool(
            pipeline, embeddings, noise, sampler, num_inference_steps, guidance_scale, negative,
            step_noise, seeds,
        )  # fmt: skip
    scheduler = make_scheduler(pipeline, sampler, eta)
    arguments = get_family(pipeline).timestep_arguments(
        pipeline, scheduler, num_inference_steps, noise.shape
    )
    set_timesteps(scheduler, num_inference_steps, pipeline.device, arguments)
    latents = noise.to(pipeline.device)
    if hasattr(scheduler, "init_noise_sigma"):
        latents = latents * scheduler.init_noise_sigma
    sampler = resolve_sampler(pipeline.scheduler, sampler or AS_CHECKPOINT)
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


def _sample_by_tool(
    pipeline: StableDiffusionPipeline,
    embeddings: Tensor,
    noise: Tensor,
    sampler: str,
    steps: int,
    guidance_scale: float,
    negative: Tensor | None,
    step_noise: Iterator[Tensor] | None,
    seeds: Sequence[int],
) -> Tensor:
    family = get_family(pipeline)
    config = describe_scheduler(pipeline.scheduler)
    if is_flow(config):
        raise ConfigError(
            f"A checkpoint of flow matching has no sampler `{sampler}`: use `{AS_CHECKPOINT}`."
        )
    is_guided = guidance_scale != 1.0
    if is_guided:
        if negative is None:
            negative = embed_prompts(pipeline, [""], negative=True)
        embeddings = torch.cat([negative.expand(len(noise), -1, -1), embeddings])

    def predict(x: Tensor, t: Tensor) -> Tensor:
        batch = torch.cat([x, x]) if is_guided else x
        return family.predict(pipeline, batch.to(noise.dtype), t, embeddings, guidance_scale)

    latents = noise.to(pipeline.device)
    sampled = sample_by_tool(
        sampler, config, predict, latents, steps, step_noise, seeds, guidance_scale
    )
    return sampled.to(noise.dtype)


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
    family = get_family(pipeline)
    is_guided = guidance_scale != 1.0 and family.guidance == "classifier-free"
    if is_guided:
        if negative is None:
            negative = embed_prompts(pipeline, [""], negative=True)
        embeddings = torch.cat([negative.expand(len(latents), -1, -1), embeddings])
    t: Tensor
    for t in timesteps:
        batch = torch.cat([latents, latents]) if is_guided else latents
        if hasattr(scheduler, "scale_model_input"):
            batch = scheduler.scale_model_input(batch, t)
        prediction = family.predict(pipeline, batch, t, embeddings, guidance_scale)
        if is_guided:
            unconditional, conditional = prediction.chunk(2)
            prediction = unconditional + guidance_scale * (conditional - unconditional)
        arguments = dict(step_arguments)
        # A sampler of second order adds noise after the second evaluation of a step.
        if step_noise is not None and not getattr(scheduler, "state_in_first_order", False):
            arguments["variance_noise"] = next(step_noise).to(latents.device)
        latents = scheduler.step(prediction, t, latents, **arguments, return_dict=False)[0]
    return latents


@full_precision()
@torch.no_grad()
def decode_latents(
    pipeline: StableDiffusionPipeline, latents: Tensor, sampler: str | None = None
) -> Tensor:
    """Decode final latents to images, rounded as by the pipeline: uint8 [n, 3, height, width].

    The tools cut off what the pipeline rounds, so ``sampler`` decides where it is a tool's.
    """
    decoded = get_family(pipeline).decode(pipeline, latents)
    # In half precision the product would be rounded before it is rounded to a whole number.
    levels = (decoded / 2 + 0.5).clamp(0, 1).float() * 255
    is_cut = sampler is not None and is_tool_sampler(sampler)
    levels = levels.floor() if is_cut else levels.round()
    return levels.to(torch.uint8).cpu()


@full_precision()
@torch.no_grad()
def encode_pictures(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Encode images to latents: the mode of the autoencoder's posterior, scaled for the denoiser.

    ``pictures`` is uint8 [n, 3, height, width]. The result is float32 [n, c, h, w] on the CPU.
    """
    x = (pictures.to(vae.device).float() / 127.5 - 1).to(vae.dtype)
    latents: Tensor = vae.encode(x).latent_dist.mode()
    if vae.config.get("shift_factor") is not None:
        latents = latents - vae.config.shift_factor
    latents = latents * vae.config.scaling_factor
    return latents.float().cpu()


def make_scheduler(pipeline: StableDiffusionPipeline, sampler: str | None, eta: float = 0.0) -> Any:
    """A new scheduler, by name or the checkpoint's own.

    A scheduler counts its steps, so none is used twice. Raises ConfigError as ``require_sampler``.
    """
    if sampler is None:
        return type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    return build_scheduler(pipeline.scheduler, sampler, eta)
