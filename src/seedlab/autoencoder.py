"""Train the lab's AutoencoderKL (Rombach et al., CVPR 2022): 16×16 latents, light KL term.

Most steps train on small crops, which are cheap and varied. The last steps train on whole pictures,
so that the group norms see the statistics of whole pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from seedlab.latents import encode_latents
from seedlab.training import Loss, TrainingSchedule, train_model
from seedwitness.runtime.devices import default_device

KL_WEIGHT = 1e-6


@dataclass(frozen=True)
class AutoencoderSettings:
    """Size and training of an autoencoder; ``channels`` has one entry for each halving, plus one.

    ``autocast`` computes products in bfloat16, which is faster on processors that support it. The
    weights stay float32.
    """

    channels: tuple[int, ...] = (16, 32, 64, 96)
    latent_channels: int = 8
    layers: int = 1
    crop: int = 64
    crop_batch: int = 2
    crop_steps: int = 14000
    whole_batch: int = 2
    whole_steps: int = 1200
    learning_rate: float = 1e-3
    autocast: bool = False
    seed: int = 1


def build_autoencoder(settings: AutoencoderSettings, size: int) -> AutoencoderKL:
    """An untrained AutoencoderKL without attention, which works on pictures of any size."""
    levels = len(settings.channels)
    torch.manual_seed(settings.seed)  # diffusers draws initial weights from the global generator
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=settings.channels,
        latent_channels=settings.latent_channels,
        layers_per_block=settings.layers,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=size,
    )


def reconstruction_loss(
    vae: AutoencoderKL, x: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Squared and absolute error, and the KL divergence of the latents from N(0, I).

    ``x`` is [batch, 3, height, width] in [-1, 1].
    """
    posterior = vae.encode(x).latent_dist
    noise = torch.randn(posterior.mean.shape, generator=generator).to(x.device)
    restored = vae.decode(posterior.mean + posterior.std * noise).sample
    difference = restored.float() - x
    squared, absolute = difference.square().mean(), difference.abs().mean()
    kl = posterior.kl().mean()
    return {"loss": squared + 0.2 * absolute + KL_WEIGHT * kl, "squared": squared, "kl": kl}


def draw_crops(pictures: Tensor, crop: int, count: int, generator: torch.Generator) -> Tensor:
    """``count`` random square crops, about half of them mirrored, in [-1, 1].

    ``pictures`` is uint8 [n, 3, size, size]; the result is [count, 3, crop, crop].
    """
    size = pictures.shape[-1]
    indices = torch.randint(len(pictures), (count,), generator=generator).tolist()
    corners = torch.randint(size - crop + 1, (count, 2), generator=generator).tolist()
    mirrored = torch.rand(count, generator=generator) < 0.5
    crops = torch.stack(
        [
            pictures[i, :, y : y + crop, x : x + crop]
            for i, (y, x) in zip(indices, corners, strict=True)
        ]
    )
    crops[mirrored] = crops[mirrored].flip(-1)
    return crops.float() / 127.5 - 1


def train_autoencoder(
    pictures: Tensor, settings: AutoencoderSettings, *, data_key: str, scratch: Path, log: Path
) -> AutoencoderKL:
    """An autoencoder trained on ``pictures``, uint8 [n, 3, size, size], with its scaling factor.

    See ``training.train_model`` for the other arguments and errors.
    """
    size = pictures.shape[-1]
    vae = build_autoencoder(settings, size).to(default_device())

    def make_loss(crop: int, batch: int) -> Loss:
        def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
            x = draw_crops(pictures, crop, batch, generator).to(default_device())
            with torch.autocast(x.device.type, torch.bfloat16, enabled=settings.autocast):
                return reconstruction_loss(vae, x, generator)

        return loss

    rate, seed = settings.learning_rate, settings.seed
    first = TrainingSchedule(settings.crop_steps, rate, seed, final_rate=0.2, weight_decay=0.0)
    last = TrainingSchedule(settings.whole_steps, rate / 4, seed, warmup=50, weight_decay=0.0)
    # The key of a phase names all that decides its result, and nothing of a later phase.
    key = f"{data_key}/{settings.channels}/{settings.latent_channels}/{settings.layers}"
    key += f"/{settings.crop}/{settings.crop_batch}/{settings.autocast}"
    loss = make_loss(settings.crop, settings.crop_batch)
    train_model(
        "autoencoder", vae, loss, first, module=__name__, data_key=key, scratch=scratch, log=log
    )
    key += f"/{first}/{settings.whole_batch}"
    loss = make_loss(size, settings.whole_batch)
    log = log.with_stem(f"{log.stem}-whole")
    train_model(
        "autoencoder-whole",
        vae,
        loss,
        last,
        module=__name__,
        data_key=key,
        scratch=scratch,
        log=log,
    )
    vae.register_to_config(scaling_factor=1.0 / measure_latent_deviation(vae, pictures))
    return vae


@torch.no_grad()
def measure_latent_deviation(vae: AutoencoderKL, pictures: Tensor) -> float:
    """Standard deviation of the latents of up to 512 pictures, inverse of the scaling factor."""
    sample = pictures[:: max(1, len(pictures) // 512)]
    return torch.cat([encode_latents(vae, part) for part in sample.split(64)]).std().item()


@torch.no_grad()
def compute_psnr(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture after encoding and decoding to 8 bits, dB: [n]."""
    values = []
    for part in pictures.split(32):
        y = vae.decode(encode_latents(vae, part).to(vae.device)).sample.cpu()
        y8 = ((y.clamp(-1, 1) + 1) * 127.5).round()
        error = (y8 - part.float()).square().mean((1, 2, 3))
        values.append(10 * torch.log10(255.0**2 / error.clamp_min(1e-9)))
    return torch.cat(values)
