"""Inversion: recovers the initial noise from which a checkpoint would sample given latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.checkpoints.families import get_family
from seedwitness.engine.sampling import embed_prompts
from seedwitness.engine.schedulers import (
    build_scheduler,
    ddim,
    describe_scheduler,
    is_flow,
    set_timesteps,
)
from seedwitness.runtime.devices import full_precision


@full_precision()
@torch.no_grad()
def invert(
    pipeline: StableDiffusionPipeline,
    embeddings: Tensor,
    latents: Tensor,
    *,
    num_inference_steps: int,
    guidance_scale: float = 1.0,
    negative: Tensor | None = None,
    rounds: int = 0,
) -> Tensor:
    """The noise of final latents, both [n, c, h, w], by DDIM inversion (Song et al., ICLR 2021).

    For a checkpoint of flow matching Euler's steps are undone instead.

    ``embeddings`` is [1 or n, limit, width]. An inverse step uses the noise predicted at the
    latents where the step starts. Each of ``rounds`` of fixed-point iteration (Pan et al., ICCV
    2023) uses the noise predicted where the step ends instead; if the rounds converge, they undo
    the DDIM step exactly, and the rounding errors of an image with it. Each step and round costs
    one NFE an image, or two if guidance is not 1. The result is float32 on the CPU.
    """
    family = get_family(pipeline)
    is_guided = guidance_scale != 1.0 and family.guidance == "classifier-free"
    embeddings = embeddings.expand(len(latents), -1, -1)
    if is_guided:
        if negative is None:
            negative = embed_prompts(pipeline, [""], negative=True)
        embeddings = torch.cat([negative.expand(len(latents), -1, -1), embeddings])

    def predict(x: Tensor, t: Tensor) -> Tensor:
        """The guided output of the denoiser for ``x`` at timestep ``t``."""
        batch = torch.cat([x, x]) if is_guided else x
        out = family.predict(pipeline, batch, t, embeddings, guidance_scale)
        if is_guided:
            unconditional, conditional = out.chunk(2)
            out = unconditional + guidance_scale * (conditional - unconditional)
        return out

    x = latents.to(pipeline.device, getattr(pipeline, family.denoiser).dtype)
    if is_flow(describe_scheduler(pipeline.scheduler)):
        x = _invert_flow(pipeline, predict, x, num_inference_steps, rounds)
    else:
        x = _invert_ddim(pipeline, predict, x, num_inference_steps, rounds)
    return x.float().cpu()


def _invert_ddim(
    pipeline: StableDiffusionPipeline,
    predict: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    steps: int,
    rounds: int,
) -> Tensor:
    scheduler = set_timesteps(ddim(pipeline.scheduler.config), steps, pipeline.device)
    stride = scheduler.config.num_train_timesteps // steps
    for t in scheduler.timesteps.flip(0):
        previous = int(t) - stride
        if previous >= 0:
            alpha_start = scheduler.alphas_cumprod[previous]
        else:
            alpha_start = scheduler.final_alpha_cumprod
        alpha_end = scheduler.alphas_cumprod[int(t)]
        start, noise = x, extract_noise(scheduler, predict(x, t), x, t)
        for iteration in range(rounds + 1):
            if iteration:
                noise = extract_noise(scheduler, predict(x, t), x, t)
            clean = (start - (1 - alpha_start).sqrt() * noise) / alpha_start.sqrt()
            x = alpha_end.sqrt() * clean + (1 - alpha_end).sqrt() * noise
    return x


def _invert_flow(
    pipeline: StableDiffusionPipeline,
    predict: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    steps: int,
    rounds: int,
) -> Tensor:
    """Undo Euler's steps along the flow from noise to latents (Lipman et al., ICLR 2023)."""
    scheduler = build_scheduler(pipeline.scheduler, "euler")
    arguments = get_family(pipeline).timestep_arguments(pipeline, scheduler, steps, x.shape)
    set_timesteps(scheduler, steps, pipeline.device, arguments)
    levels = scheduler.sigmas.to(x.device)
    for place in reversed(range(len(scheduler.timesteps))):
        rise = (levels[place] - levels[place + 1]).to(x.dtype)
        t, start = scheduler.timesteps[place], x
        for _ in range(rounds + 1):
            x = start + rise * predict(x, t)
    return x


def extract_noise(scheduler: Any, out: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """The noise in ``x`` at timestep ``t``, from the denoiser's output of any prediction type.

    ``t`` is one timestep for all rows, or one for each row.
    """
    alpha = scheduler.alphas_cumprod.to(x.device)[t.long()]
    alpha = alpha[:, None, None, None] if alpha.ndim else alpha
    prediction_type = scheduler.config.prediction_type
    noise: Tensor
    if prediction_type == "epsilon":
        return out
    if prediction_type == "v_prediction":
        noise = alpha.sqrt() * out + (1 - alpha).sqrt() * x
        return noise
    noise = (x - alpha.sqrt() * out) / (1 - alpha).sqrt()  # the output is the clean latents
    return noise
