"""Train a small latent diffusion checkpoint (Rombach et al., CVPR 2022) in standard parts.

Text encoder and denoiser learn together from the latents of a frozen autoencoder; a share of the
captions is left empty, for classifier-free guidance (Ho & Salimans, 2022).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from seedlab.training import Schedule, device, fit, generator_of
from seedwitness.runtime.files import replace_whole

# Stable Diffusion 2.1's own schedule, so that every sampler's usual settings apply. It predicts the
# velocity (Salimans & Ho, ICLR 2022): docs/decisions/0004 says why not the noise.
NOISE_SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "v_prediction",
}


@dataclass(frozen=True)
class Diffusion:
    """Size and training of a checkpoint; ``channels`` from the highest resolution down.

    ``attends`` says at which of these resolutions the denoiser looks at the caption word by word;
    below the lowest it does so once more. At the highest it would cost as much as all the rest. The
    caption as a whole is added to the time embedding, which every layer sees. ``autocast`` trains
    with products in bfloat16: faster where the processor has them; the weights stay float32.
    """

    channels: tuple[int, ...] = (64, 96, 128)
    attends: tuple[bool, ...] = (False, True, False)
    layers: int = 1
    heads: int = 4
    text_width: int = 192
    text_layers: int = 3
    batch: int = 32
    steps: int = 6000
    learning_rate: float = 8e-4
    caption_dropout: float = 0.1
    autocast: bool = False
    seed: int = 1


@dataclass(frozen=True)
class Exposures:
    """What one epoch shows: latents [m, c, h, w], and for each exposure its latent and caption."""

    latents: Tensor
    which: tuple[int, ...]
    captions: tuple[str, ...]


def build(
    settings: Diffusion, tokenizer: CLIPTokenizer, latent_channels: int, latent_size: int
) -> nn.ModuleDict:
    """A fresh denoiser and text encoder, by the names that StableDiffusionPipeline gives them."""
    torch.manual_seed(settings.seed)  # the libraries draw first weights from the global generator
    down = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in settings.attends]
    up = [block.replace("Down", "Up") for block in reversed(down)]
    unet = UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=settings.channels,
        layers_per_block=settings.layers,
        down_block_types=tuple(down),
        up_block_types=tuple(up),
        cross_attention_dim=settings.text_width,
        attention_head_dim=settings.heads,
        addition_embed_type="text",
        addition_embed_type_num_heads=settings.heads,
        resnet_time_scale_shift="scale_shift",
    )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.text_width,
            intermediate_size=4 * settings.text_width,
            num_hidden_layers=settings.text_layers,
            num_attention_heads=settings.heads,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=settings.text_width,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})


def token_ids(tokenizer: CLIPTokenizer, captions: Sequence[str]) -> Tensor:
    """Captions as StableDiffusionPipeline feeds them to the text encoder: [n, limit]."""
    encoded = tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt")
    ids: Tensor = encoded.input_ids
    return ids


def shuffled(count: int, start: int, length: int, key: object) -> Tensor:
    """``length`` positions, from ``start`` on, in an endless run of shuffled epochs."""
    parts, position = [], start
    while position < start + length:
        epoch, offset = divmod(position, count)
        order = torch.randperm(count, generator=generator_of(key, epoch))
        parts.append(order[offset : offset + start + length - position])
        position += len(parts[-1])
    return torch.cat(parts)


def train(
    name: str,
    exposures: Exposures,
    tokenizer: CLIPTokenizer,
    settings: Diffusion,
    *,
    data_key: str,
    scratch: Path,
    log: Path,
) -> nn.ModuleDict:
    """Denoiser and text encoder trained to predict the velocity of ``exposures``' scaled latents.

    Returns the module dictionary of ``build``, with averaged weights. See ``training.fit`` for
    what is raised.
    """
    where = device()
    latents = exposures.latents.to(where)
    which = torch.tensor(exposures.which)
    ids = token_ids(tokenizer, exposures.captions).to(where)
    empty = token_ids(tokenizer, [""]).to(where)
    model = build(settings, tokenizer, latents.shape[1], latents.shape[2]).to(where)
    scheduler = DDIMScheduler(**NOISE_SCHEDULE)
    plain = settings.autocast and where.type == "cpu"

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        batch = shuffled(len(which), step * settings.batch, settings.batch, settings.seed)
        clean = latents[which[batch]]  # [b, c, h, w]
        tokens = ids[batch]  # [b, limit]
        dropped = torch.rand(len(batch), generator=generator) < settings.caption_dropout
        tokens = torch.where(dropped.to(where)[:, None], empty, tokens)
        t = torch.randint(scheduler.config.num_train_timesteps, (len(batch),), generator=generator)
        noise = torch.randn(clean.shape, generator=generator).to(where)
        noisy = scheduler.add_noise(clean, noise, t.to(where))
        with (
            torch.autocast(where.type, torch.bfloat16, enabled=settings.autocast),
            # on a CPU the gradient of fused attention is slower than written out, in bfloat16
            sdpa_kernel(SDPBackend.MATH) if plain else nullcontext(),
        ):
            context = model["text_encoder"](tokens).last_hidden_state  # [b, limit, text_width]
            predicted = model["unet"](noisy, t.to(where), context).sample
        velocity = scheduler.get_velocity(clean, noise, t.to(where))
        return {"loss": nn.functional.mse_loss(predicted.float(), velocity)}

    schedule = Schedule(settings.steps, settings.learning_rate, settings.seed)
    fit(name, model, loss, schedule, data_key=data_key, scratch=scratch, log=log)
    return model


def save(model: nn.ModuleDict, vae: AutoencoderKL, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write a StableDiffusionPipeline folder, weights in half precision, whole or not at all."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=model["text_encoder"],
        tokenizer=tokenizer,
        unet=model["unet"],
        scheduler=DDIMScheduler(**NOISE_SCHEDULE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with replace_whole(folder) as temporary:
        pipeline.to("cpu", torch.float16).save_pretrained(temporary)
        # transformers loads a model in the type its config names, diffusers in float32 unless told
        # otherwise: name float32, or the plain pipeline would mix the two.
        config = temporary / "text_encoder" / "config.json"
        entries = json.loads(config.read_text())
        config.write_text(
            json.dumps(entries | {"dtype": "float32"}, indent=2, sort_keys=True) + "\n"
        )
