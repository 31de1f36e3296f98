"""Flux.1 (Black Forest Labs, 2024): flow matching; the guidance is an input of the model.

Such a model is distilled: it is evaluated once a step, whatever the guidance, and has no negative
prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedwitness.checkpoints.families.contract import (
    CLIP_TOKENIZERS,
    FLOW,
    T5_TOKENIZERS,
    Configs,
    Family,
    LatentFormat,
    compute_shift,
    count_tokenizer,
    pack_states,
    require_entries,
    unpack_states,
)

if TYPE_CHECKING:
    from torch import Tensor

T5_LIMIT = 512
MAX_SHIFT = 1.15
PATCH = 2
"""Latent elements along each side of one token of the transformer."""
DEFAULT_SIZE = 128


def describe(configs: Configs) -> LatentFormat:
    """Size and kind of the latents."""
    require_entries(
        configs,
        {
            "transformer": ("in_channels", "pooled_projection_dim"),
            "vae": ("latent_channels", "block_out_channels", "scaling_factor"),
        },
    )
    channels = configs["transformer"]["in_channels"] // PATCH**2
    vae = configs["vae"]
    if channels != vae["latent_channels"]:
        raise ValueError(
            f"is no text-to-image checkpoint: its denoiser takes {channels} channels, its "
            f"autoencoder gives {vae['latent_channels']}"
        )
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    return LatentFormat(
        channels=channels,
        scale=scale,
        width=DEFAULT_SIZE * scale,
        height=DEFAULT_SIZE * scale,
        prompt_limit=T5_LIMIT,
        prediction_type=FLOW,
    )


def encode_prompts(pipeline: Any, prompts: Sequence[str], negative: bool) -> Tensor:
    """States of T5, and the pooled one of CLIP, packed."""
    texts = list(prompts)
    states, pooled, _ = pipeline.encode_prompt(
        texts, texts, device=pipeline.device, max_sequence_length=T5_LIMIT
    )
    return pack_states(states, pooled)


def predict(pipeline: Any, x: Tensor, t: Tensor, states: Tensor, guidance: float) -> Tensor:
    """The transformer's output, the velocity, for latents that are cut into patches."""
    import torch

    transformer = pipeline.transformer
    tokens, pooled = unpack_states(states, transformer.config.pooled_projection_dim)
    count, channels, height, width = x.shape
    text_ids = torch.zeros(tokens.shape[1], 3, device=x.device, dtype=tokens.dtype)
    image_ids = pipeline._prepare_latent_image_ids(
        count, height // PATCH, width // PATCH, x.device, tokens.dtype
    )
    scale = None
    if transformer.config.guidance_embeds:
        scale = torch.full([1], guidance, device=x.device, dtype=torch.float32).expand(count)
    out = transformer(
        hidden_states=pipeline._pack_latents(x, count, channels, height, width),
        timestep=t.expand(count).to(x.dtype) / 1000,
        guidance=scale,
        pooled_projections=pooled,
        encoder_hidden_states=tokens,
        txt_ids=text_ids,
        img_ids=image_ids,
        return_dict=False,
    )[0]
    scale_factor = pipeline.vae_scale_factor
    unpacked: Tensor = pipeline._unpack_latents(
        out, height * scale_factor, width * scale_factor, scale_factor
    )
    return unpacked


def timestep_arguments(
    pipeline: Any, scheduler: Any, steps: int, shape: Sequence[int]
) -> dict[str, Any]:
    """The levels of noise, evenly spaced before the shift, and the shift by the image's size."""
    import numpy as np

    tokens = (shape[-2] // PATCH) * (shape[-1] // PATCH)
    return {
        "sigmas": None
        if scheduler.config.get("use_flow_sigmas")
        else np.linspace(1.0, 1 / steps, steps),
        "num_inference_steps": steps,
        "mu": compute_shift(scheduler.config, tokens, MAX_SHIFT),
    }


def count_tokens(pipeline: Any, prompts: Sequence[str]) -> list[tuple[int, int]]:
    """For each prompt the number of its tokens, and how many T5 reads."""
    return count_tokenizer(pipeline.tokenizer_2, T5_LIMIT, prompts)


FLUX = Family(
    name="Flux.1",
    pipeline_class="FluxPipeline",
    denoiser="transformer",
    models={
        "transformer": ("FluxTransformer2DModel",),
        "vae": ("AutoencoderKL",),
        "text_encoder": ("CLIPTextModel",),
        "text_encoder_2": ("T5EncoderModel",),
    },
    tokenizers={"tokenizer": CLIP_TOKENIZERS, "tokenizer_2": T5_TOKENIZERS},
    describe=describe,
    encode_prompts=encode_prompts,
    predict=predict,
    count_tokens=count_tokens,
    timestep_arguments=timestep_arguments,
    guidance="distilled",
    multiple=16,
    omitted={"image_encoder": None, "feature_extractor": None},
)
