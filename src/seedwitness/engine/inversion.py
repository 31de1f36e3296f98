"""Inversion: recovers the initial noise from which a checkpoint would sample given latents."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.engine.sampling import embed_prompts
from seedwitness.engine.schedulers import ddim, set_timesteps
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

    ``embeddings`` is [1 or n, limit, width]. An inverse step uses the noise predicted at the
    latents where the step starts. Each of ``rounds`` of fixed-point iteration (Pan et al., ICCV
    2023) uses the noise predicted where the step ends instead; if the rounds converge, they undo
    the DDIM step exactly, and the rounding errors of an image with it. Each step and round costs
    one NFE an image, or two if guidance is not 1. The result is float32 on the CPU.
    """
    scheduler = set_timesteps(ddim(pipeline.scheduler.config), num_inference_steps, pipeline.device)
    stride = scheduler.config.num_train_timesteps // num_inference_steps
    is_guided = guidance_scale != 1.0
    embeddings = embeddings.expand(len(latents), -1, -1)
    if is_guided:
        if negative is None:
            negative = embed_prompts(pipeline, [""])
        embeddings = torch.cat([negative.expand(len(latents), -1, -1), embeddings])

    def predict_noise(x: Tensor, t: Tensor) -> Tensor:
        """The noise in ``x`` at timestep ``t``."""
        batch = torch.cat([x, x]) if is_guided else x
        out = pipeline.unet(batch, t, embeddings, return_dict=False)[0]
        if is_guided:
            unconditional, conditional = out.chunk(2)
            out = unconditional + guidance_scale * (conditional - unconditional)
        return extract_noise(scheduler, out, x, t)

    x = latents.to(pipeline.device, pipeline.unet.dtype)
    for t in scheduler.timesteps.flip(0):
        previous = int(t) - stride
        if previous >= 0:
            alpha_start = scheduler.alphas_cumprod[previous]
        else:
            alpha_start = scheduler.final_alpha_cumprod
        alpha_end = scheduler.alphas_cumprod[int(t)]
        start, noise = x, predict_noise(x, t)
        for iteration in range(rounds + 1):
            if iteration:
                noise = predict_noise(x, t)
            clean = (start - (1 - alpha_start).sqrt() * noise) / alpha_start.sqrt()
            x = alpha_end.sqrt() * clean + (1 - alpha_end).sqrt() * noise
    return x.float().cpu()


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
