"""Train the lab's AutoencoderKL (Rombach et al., CVPR 2022): 16×16 latents, light KL term.

Most steps see small crops, which cost little and vary much; the last ones see whole pictures, so
that the group norms meet the statistics that they will work with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from seedlab.training import Loss, Schedule, device, fit

KL_WEIGHT = 1e-6


@dataclass(frozen=True)
class Autoencoder:
    """Size and training of an autoencoder; ``channels`` has one entry a halving, plus one.

    ``autocast`` trains with products in bfloat16: faster where the processor has them; the weights
    stay float32.
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


def build(settings: Autoencoder, size: int) -> AutoencoderKL:
    """A fresh AutoencoderKL without attention, so it works on pictures of any size."""
    levels = len(settings.channels)
    torch.manual_seed(settings.seed)  # diffusers draws the first weights from the global generator
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


def crops(pictures: Tensor, crop: int, count: int, generator: torch.Generator) -> Tensor:
    """``count`` random square crops, half of them mirrored, in [-1, 1].

    ``pictures`` is uint8 [n, 3, size, size]; the result [count, 3, crop, crop].
    """
    size = pictures.shape[-1]
    which = torch.randint(len(pictures), (count,), generator=generator).tolist()
    corner = torch.randint(size - crop + 1, (count, 2), generator=generator).tolist()
    mirrored = torch.rand(count, generator=generator) < 0.5
    cut = torch.stack(
        [
            pictures[i, :, y : y + crop, x : x + crop]
            for i, (y, x) in zip(which, corner, strict=True)
        ]
    )
    cut[mirrored] = cut[mirrored].flip(-1)
    return cut.float() / 127.5 - 1


def train(
    pictures: Tensor, settings: Autoencoder, *, data_key: str, scratch: Path, log: Path
) -> AutoencoderKL:
    """Autoencoder trained on ``pictures``, uint8 [n, 3, size, size], with its scaling factor."""
    size = pictures.shape[-1]
    vae = build(settings, size).to(device())

    def cut(crop: int, batch: int) -> Loss:
        def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
            x = crops(pictures, crop, batch, generator).to(device())
            with torch.autocast(x.device.type, torch.bfloat16, enabled=settings.autocast):
                return reconstruction_loss(vae, x, generator)

        return loss

    rate, seed = settings.learning_rate, settings.seed
    first = Schedule(settings.crop_steps, rate, seed, final_rate=0.2, weight_decay=0.0)
    last = Schedule(settings.whole_steps, rate / 4, seed, warmup=50, weight_decay=0.0)
    # A phase's state is found again by all that led to it, and by nothing that comes after.
    key = f"{data_key}/{settings.channels}/{settings.latent_channels}/{settings.layers}"
    key += f"/{settings.crop}/{settings.crop_batch}/{settings.autocast}"
    loss = cut(settings.crop, settings.crop_batch)
    fit("autoencoder", vae, loss, first, data_key=key, scratch=scratch, log=log)
    key += f"/{first}/{settings.whole_batch}"
    loss = cut(size, settings.whole_batch)
    log = log.with_stem(f"{log.stem}-whole")
    fit("autoencoder-whole", vae, loss, last, data_key=key, scratch=scratch, log=log)
    vae.register_to_config(scaling_factor=1.0 / latent_deviation(vae, pictures))
    return vae


@torch.no_grad()
def latent_deviation(vae: AutoencoderKL, pictures: Tensor) -> float:
    """Standard deviation of the latents of (up to 512) pictures: what the scaling factor undoes."""
    chosen = pictures[:: max(1, len(pictures) // 512)]
    return torch.cat([encode(vae, part) for part in chosen.split(64)]).std().item()


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Mode of the latents, unscaled: uint8 [n, 3, size, size] to float [n, c, size/f, size/f]."""
    x = pictures.to(vae.device).float() / 127.5 - 1
    latents: Tensor = vae.encode(x).latent_dist.mode().cpu()
    return latents


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture after the round trip, in dB, 8-bit output: [n]."""
    values = []
    for part in pictures.split(32):
        y = vae.decode(encode(vae, part).to(vae.device)).sample.cpu()
        y8 = ((y.clamp(-1, 1) + 1) * 127.5).round()
        error = (y8 - part.float()).square().mean((1, 2, 3))
        values.append(10 * torch.log10(255.0**2 / error.clamp_min(1e-9)))
    return torch.cat(values)
