"""The denoising loss of an image on a checkpoint, at fixed timesteps and with fixed noises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.inversion import extract_noise
from seedwitness.engine.sampling import embed_prompts, encode_pictures
from seedwitness.engine.schedulers import ddim
from seedwitness.errors import CheckpointError
from seedwitness.imaging.alignment import resize_to_tensor
from seedwitness.runtime.devices import full_precision
from seedwitness.seeds.torch_cpu import draw_noise

OBJECTIVES = ("epsilon", "v_prediction", "sample", "flow_prediction")
"""What a denoiser may have been trained to predict: noise, velocity, latents, or the flow."""

Noising = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Mixes noise into latents at timesteps: (latents, noise, t) to latents with noise."""

NoiseReading = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Reads the predicted noise off a denoiser's output: (output, latents with noise, t) to noise."""


def find_objective(pipeline: StableDiffusionPipeline) -> str:
    """What the denoiser predicts, by the scheduler's settings: one of ``OBJECTIVES``.

    A scheduler of flow matching names no prediction type. Raises CheckpointError for any other
    prediction, whose loss this version cannot measure.
    """
    scheduler = pipeline.scheduler
    if type(scheduler).__name__.startswith("FlowMatch"):
        return "flow_prediction"
    objective = str(scheduler.config.get("prediction_type", "epsilon"))
    if objective not in OBJECTIVES:
        raise CheckpointError(
            f"The scheduler of this checkpoint names the prediction type `{objective}`, and the "
            f"denoising loss can be measured for {', '.join(OBJECTIVES)}. Set expose.enabled to "
            "false, or correct prediction_type in the checkpoint's scheduler_config.json."
        )
    return objective


def measure_losses(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    prompt: str,
    *,
    levels: Sequence[float],
    noise_seeds: int,
    resize: str,
) -> list[dict[str, Any]]:
    """The denoising loss of an image under a prompt: rows of timestep, noise seed and loss.

    The loss is the mean square of the difference between the noise that was mixed into the image's
    latents and the noise that the denoiser finds there (Ho et al., NeurIPS 2020), whatever it was
    trained to predict; ≥ 0, and lower where the checkpoint knows the image. ``levels`` in (0, 1)
    are timesteps as shares of those of the training. Each costs one NFE a noise. The noise of seed
    k is the same for all images, and all rows of an image are one batch, so that a loss does not
    depend on the other images. A loss that is no finite number is kept as it is.
    """
    identity = loaded.checkpoint
    pixels = resize_to_tensor(picture, identity.width, identity.height, resize)
    shape = loaded.latent_shape(identity.width, identity.height)
    latents = encode_pictures(loaded.pipeline.vae, pixels[None])  # [1, c, h, w]
    noises = torch.stack(
        [draw_noise(seed, 0, shape, torch.float32) for seed in range(noise_seeds)]
    )  # [k, c, h, w]
    timesteps = find_timesteps(loaded.pipeline, levels)
    t = torch.tensor(timesteps).repeat_interleave(noise_seeds)
    losses = compute_losses(
        loaded.pipeline, latents, prompt, noises.repeat(len(timesteps), 1, 1, 1), t
    )
    seeds = list(range(noise_seeds)) * len(timesteps)
    return [
        {"prompt": prompt, "timestep": int(step), "noise_seed": seed, "loss": float(loss)}
        for step, seed, loss in zip(t, seeds, losses, strict=True)
    ]


def find_timesteps(pipeline: StableDiffusionPipeline, levels: Sequence[float]) -> list[int]:
    """The timesteps at shares of the training's timesteps."""
    count = int(pipeline.scheduler.config.num_train_timesteps)
    return [min(int(level * count), count - 1) for level in levels]


@full_precision()
@torch.no_grad()
def compute_losses(
    pipeline: StableDiffusionPipeline, latents: Tensor, prompt: str, noise: Tensor, t: Tensor
) -> Tensor:
    """The mean squared error of the predicted noise: [n], float64 on the CPU.

    ``latents`` is [1, c, h, w], scaled for the denoiser; ``noise`` [n, c, h, w]; ``t`` [n].
    """
    device, dtype = pipeline.device, pipeline.unet.dtype
    mix, read_noise = make_noising(pipeline)
    t = t.to(device)
    noise = noise.to(device)
    x = mix(latents.to(device), noise, t).to(dtype)  # [n, c, h, w]
    embeddings = embed_prompts(pipeline, [prompt]).expand(len(x), -1, -1)
    output = pipeline.unet(x, t, embeddings, return_dict=False)[0]
    predicted = read_noise(output.float(), x.float(), t)
    losses: Tensor = (predicted - noise).double().square().flatten(1).mean(1).cpu()
    return losses


def make_noising(pipeline: StableDiffusionPipeline) -> tuple[Noising, NoiseReading]:
    """How a checkpoint's training mixes noise in, and how its output gives the noise back.

    Diffusion: x = √ᾱ z + √(1 − ᾱ) ε. Flow matching (Lipman et al., ICLR 2023): x = (1 − σ) z + σ ε
    with σ = t / T, and the output is ε − z, so that ε = x + (1 − σ) · output.
    """
    if find_objective(pipeline) == "flow_prediction":
        count = int(pipeline.scheduler.config.num_train_timesteps)

        def level(t: Tensor) -> Tensor:
            return (t.float() / count)[:, None, None, None]

        return (
            lambda z, noise, t: (1 - level(t)) * z + level(t) * noise,
            lambda output, x, t: x + (1 - level(t)) * output,
        )
    scheduler = ddim(pipeline.scheduler.config)

    def alpha(t: Tensor) -> Tensor:
        values: Tensor = scheduler.alphas_cumprod.to(t.device)[t.long()][:, None, None, None]
        return values

    return (
        lambda z, noise, t: alpha(t).sqrt() * z + (1 - alpha(t)).sqrt() * noise,
        lambda output, x, t: extract_noise(scheduler, output, x, t),
    )
