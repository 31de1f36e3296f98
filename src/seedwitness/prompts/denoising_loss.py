"""Compute the denoising loss of a picture under prompts (Ho et al., NeurIPS 2020).

As a classifier of texts: Li et al., "Your Diffusion Model is Secretly a Zero-Shot Classifier",
ICCV 2023.

A prompt that fits a picture lets the checkpoint predict better what was added to it. All prompts
are compared at the same noise and the same levels, which takes most of the luck out of the
comparison. One evaluation a prompt and level.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.engine.sampling import embed_prompts_separately
from seedwitness.errors import CheckpointError
from seedwitness.runtime.devices import full_precision
from seedwitness.seeds.torch_cpu import draw_noise

LOWEST, HIGHEST = 0.3, 0.9
"""The shares of the schedule between which levels lie: below, a picture needs no words; above, none
help."""


def choose_levels(count: int, num_train_timesteps: int) -> list[int]:
    """``count`` timesteps at the middles of equal parts of [LOWEST, HIGHEST) of the schedule."""
    width = (HIGHEST - LOWEST) / count
    return [int((LOWEST + (i + 0.5) * width) * num_train_timesteps) for i in range(count)]


def diffuse(pipeline: StableDiffusionPipeline, latent: Tensor, noise: Tensor, t: int) -> Tensor:
    """The latents [..., c, h, w] with the noise of level ``t``: sqrt(a) z + sqrt(1 - a) e."""
    alpha = find_alpha(pipeline, t)
    noisy: Tensor = alpha**0.5 * latent + (1 - alpha) ** 0.5 * noise
    return noisy


def prediction_target(
    pipeline: StableDiffusionPipeline, latent: Tensor, noise: Tensor, t: int
) -> Tensor:
    """What the denoiser should predict at level ``t``: noise, velocity or sample.

    Raises CheckpointError for another kind of prediction.
    """
    kind = pipeline.scheduler.config.prediction_type
    alpha = find_alpha(pipeline, t)
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        velocity: Tensor = alpha**0.5 * noise - (1 - alpha) ** 0.5 * latent
        return velocity
    if kind == "sample":
        return latent
    raise CheckpointError(
        "The denoising loss is known for checkpoints that predict epsilon, v_prediction or "
        f"sample, and this one predicts `{kind}`. Leave `search.refinement` out."
    )


def find_alpha(pipeline: StableDiffusionPipeline, t: int) -> float:
    """The cumulative product of alphas at level ``t``. Raises CheckpointError without alphas."""
    alphas = getattr(pipeline.scheduler, "alphas_cumprod", None)
    if alphas is None:
        raise CheckpointError(
            f"The scheduler {type(pipeline.scheduler).__name__} has no alphas_cumprod, which the "
            "denoising loss needs. Leave `search.refinement` out for this checkpoint."
        )
    return float(alphas[t])


@full_precision()
@torch.no_grad()
def compute_losses(
    pipeline: StableDiffusionPipeline,
    latent: Tensor,
    texts: Sequence[str],
    *,
    levels: int,
    seed: int = 0,
    batch: int = 16,
) -> list[float]:
    """The mean squared error of the prediction under each text; lower fits better.

    ``latent`` is the picture's, [c, h, w]. Level i has the noise of seed ``seed`` + i, the same for
    all texts. Costs ``levels`` NFE a text. A row's value does not depend on the other rows beyond
    the last bits.
    """
    if not texts:
        return []
    device, dtype = pipeline.device, pipeline.unet.dtype
    embeddings = embed_prompts_separately(pipeline, texts)  # [n, limit, width]
    totals = torch.zeros(len(texts), dtype=torch.float64)
    timesteps = choose_levels(levels, pipeline.scheduler.config.num_train_timesteps)
    for number, t in enumerate(timesteps):
        noise = draw_noise(seed + number, 0, tuple(latent.shape), torch.float32)
        noisy = diffuse(pipeline, latent, noise, t).to(device, dtype)
        target = prediction_target(pipeline, latent, noise, t).to(device)
        for rows in torch.arange(len(texts)).split(batch):
            prediction = pipeline.unet(
                noisy.expand(len(rows), *noisy.shape),
                torch.tensor(t, device=device),
                embeddings[rows],
                return_dict=False,
            )[0]
            errors = (prediction.float() - target.float()).square().mean(dim=(1, 2, 3))
            totals[rows] += errors.double().cpu()
    return [float(value) for value in totals / levels]
