"""Inversion: the noise that a checkpoint would have begun with to end at given latents."""

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
    """Noise by DDIM inversion (Song et al., ICLR 2021) of final latents, both [n, c, h, w].

    ``embeddings`` is [1 or n, limit, width]. A step back takes the noise that is predicted at the
    latents that it starts from; ``rounds`` of fixed-point iteration (Pan et al., ICCV 2023) take
    the one that is predicted where it ends: where they converge they undo DDIM's step exactly, and
    a picture's rounding errors with it. Each step and round costs one NFE an image, two where
    guidance is not 1. The result is float32 on the CPU.
    """
    scheduler = set_timesteps(ddim(pipeline.scheduler.config), num_inference_steps, pipeline.device)
    stride = scheduler.config.num_train_timesteps // num_inference_steps
    guided = guidance_scale != 1.0
    embeddings = embeddings.expand(len(latents), -1, -1)
    if guided:
        if negative is None:
            negative = embed_prompts(pipeline, [""])
        embeddings = torch.cat([negative.expand(len(latents), -1, -1), embeddings])

    def predicted(x: Tensor, t: Tensor) -> Tensor:
        """The noise in ``x`` at timestep ``t``."""
        out = pipeline.unet(torch.cat([x, x]) if guided else x, t, embeddings, return_dict=False)[0]
        if guided:
            unconditional, conditional = out.chunk(2)
            out = unconditional + guidance_scale * (conditional - unconditional)
        return noise_in(scheduler, out, x, t)

    x = latents.to(pipeline.device, pipeline.unet.dtype)
    for t in scheduler.timesteps.flip(0):
        before = int(t) - stride
        low = scheduler.alphas_cumprod[before] if before >= 0 else scheduler.final_alpha_cumprod
        high = scheduler.alphas_cumprod[int(t)]
        start, noise = x, predicted(x, t)
        for number in range(rounds + 1):
            if number:
                noise = predicted(x, t)
            clean = (start - (1 - low).sqrt() * noise) / low.sqrt()
            x = high.sqrt() * clean + (1 - high).sqrt() * noise
    return x.float().cpu()


def noise_in(scheduler: Any, out: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """The noise in ``x`` at timestep ``t`` by the denoiser's output, whatever it predicts.

    ``t`` is one for all rows, or one a row.
    """
    alpha = scheduler.alphas_cumprod.to(x.device)[t.long()]
    alpha = alpha[:, None, None, None] if alpha.ndim else alpha
    kind = scheduler.config.prediction_type
    found: Tensor
    if kind == "epsilon":
        return out
    if kind == "v_prediction":
        found = alpha.sqrt() * out + (1 - alpha).sqrt() * x
        return found
    found = (x - alpha.sqrt() * out) / (1 - alpha).sqrt()  # it predicts the clean latents
    return found
