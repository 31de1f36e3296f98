"""Train a small latent diffusion checkpoint (Rombach et al., CVPR 2022) in standard parts.

Text encoder and denoiser are trained together on the latents of a frozen autoencoder. A share of
the captions is replaced by the empty text, for classifier-free guidance (Ho & Salimans, 2022).
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from seedlab.tokenizer import tokenize_captions
from seedlab.training import TrainingSchedule, make_generator, train_model
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.files import replace_whole

# The schedule of Stable Diffusion 2.1, so that the usual settings of every sampler apply. It
# predicts the velocity (Salimans & Ho, ICLR 2022); docs/decisions/0004 says why not the noise.
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
class DiffusionSettings:
    """Size and training of a checkpoint; ``channels`` starts at the highest resolution.

    ``attends`` says at which of these resolutions the denoiser has cross-attention to the tokens of
    the caption; the middle block, below the lowest resolution, always has it. At the highest
    resolution it would cost as much as all the rest. The pooled caption is added to the time
    embedding, which every layer sees. ``autocast`` computes products in bfloat16, which is faster
    on processors that support it. The weights stay float32.
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
class EpochData:
    """Data of one epoch: latents [m, c, h, w], and for each exposure its latent and caption."""

    latents: Tensor
    latent_indices: tuple[int, ...]
    captions: tuple[str, ...]


def build_networks(
    settings: DiffusionSettings, tokenizer: CLIPTokenizer, latent_channels: int, latent_size: int
) -> nn.ModuleDict:
    """Untrained denoiser and text encoder, named as the components of StableDiffusionPipeline."""
    torch.manual_seed(settings.seed)  # the libraries draw initial weights from the global generator
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


def shuffle_epochs(count: int, start: int, length: int, key: object) -> Tensor:
    """``length`` indices, from position ``start`` on, in an endless sequence of shuffled epochs.

    An epoch is a permutation of ``count`` indices. The result does not depend on how the sequence
    is cut into batches.
    """
    parts, position = [], start
    while position < start + length:
        epoch, offset = divmod(position, count)
        order = torch.randperm(count, generator=make_generator(key, epoch))
        parts.append(order[offset : offset + start + length - position])
        position += len(parts[-1])
    return torch.cat(parts)


def train_networks(
    name: str,
    data: EpochData,
    tokenizer: CLIPTokenizer,
    settings: DiffusionSettings,
    *,
    data_key: str,
    scratch: Path,
    log: Path,
) -> nn.ModuleDict:
    """Denoiser and text encoder trained to predict the velocity of the scaled latents of ``data``.

    Returns the module dictionary of ``build_networks``, with averaged weights. See
    ``training.train_model`` for the other arguments and errors.
    """
    device = default_device()
    latents = data.latents.to(device)
    latent_indices = torch.tensor(data.latent_indices)
    ids = tokenize_captions(tokenizer, data.captions).to(device)
    empty = tokenize_captions(tokenizer, [""]).to(device)
    model = build_networks(settings, tokenizer, latents.shape[1], latents.shape[2]).to(device)

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        batch = shuffle_epochs(
            len(latent_indices), step * settings.batch, settings.batch, settings.seed
        )
        clean = latents[latent_indices[batch]]  # [b, c, h, w]
        return velocity_loss(model, clean, ids[batch], empty, settings, generator)

    schedule = TrainingSchedule(settings.steps, settings.learning_rate, settings.seed)
    train_model(
        name, model, loss, schedule, module=__name__, data_key=data_key, scratch=scratch, log=log
    )
    return model


def velocity_loss(
    model: nn.ModuleDict,
    clean: Tensor,
    ids: Tensor,
    empty: Tensor,
    settings: DiffusionSettings,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Squared error of the velocity that ``model`` predicts at random timesteps, as ``loss``.

    ``clean`` are scaled latents [b, c, h, w], ``ids`` their token ids [b, limit], and ``empty``
    those of the empty text, which replaces ``settings.caption_dropout`` of the captions.
    """
    device = clean.device
    scheduler = DDIMScheduler(**NOISE_SCHEDULE)
    use_plain_attention = settings.autocast and device.type == "cpu"
    is_empty = torch.rand(len(ids), generator=generator) < settings.caption_dropout
    tokens = torch.where(is_empty.to(device)[:, None], empty, ids)
    t = torch.randint(scheduler.config.num_train_timesteps, (len(ids),), generator=generator)
    noise = torch.randn(clean.shape, generator=generator).to(device)
    noisy = scheduler.add_noise(clean, noise, t.to(device))
    with (
        torch.autocast(device.type, torch.bfloat16, enabled=settings.autocast),
        # On a CPU in bfloat16, the gradient of fused attention is slower than that of plain
        # products.
        sdpa_kernel(SDPBackend.MATH) if use_plain_attention else nullcontext(),
    ):
        context = model["text_encoder"](tokens).last_hidden_state  # [b, limit, text_width]
        predicted = model["unet"](noisy, t.to(device), context).sample
    velocity = scheduler.get_velocity(clean, noise, t.to(device))
    return {"loss": nn.functional.mse_loss(predicted.float(), velocity)}


def save_pipeline(
    model: nn.ModuleDict, vae: AutoencoderKL, tokenizer: CLIPTokenizer, folder: Path
) -> None:
    """Write a StableDiffusionPipeline folder atomically, with weights in half precision."""
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
        # transformers loads a model in the type that its config names, and diffusers in float32 by
        # default. The config names float32, so that a pipeline does not mix the two.
        config = temporary / "text_encoder" / "config.json"
        entries = json.loads(config.read_text())
        config.write_text(
            json.dumps(entries | {"dtype": "float32"}, indent=2, sort_keys=True) + "\n"
        )
