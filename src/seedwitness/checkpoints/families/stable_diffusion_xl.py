"""Stable Diffusion XL and its kin (Podell et al., ICLR 2024): two text encoders, size as an input.

The image is said to be of its own size and not cropped, as the pipeline does by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedwitness.checkpoints.families.contract import (
    CLIP_TOKENIZERS,
    Family,
    count_tokenizer,
    pack_states,
    unpack_states,
)
from seedwitness.checkpoints.families.stable_diffusion import describe_unet

if TYPE_CHECKING:
    from torch import Tensor


def encode_prompts(pipeline: Any, prompts: Sequence[str], negative: bool) -> Tensor:
    """Penultimate states of both encoders, and the pooled one of the second, packed.

    An empty negative prompt is zeros where the checkpoint's ``force_zeros_for_empty_prompt`` says
    so, as the pipeline does without a negative prompt.
    """
    import torch

    states, _, pooled, _ = pipeline.encode_prompt(
        list(prompts), device=pipeline.device, do_classifier_free_guidance=False
    )
    packed = pack_states(states, pooled)
    if negative and pipeline.config.force_zeros_for_empty_prompt:
        is_empty = torch.tensor([not prompt for prompt in prompts], device=packed.device)
        packed = packed.masked_fill(is_empty[:, None, None], 0)
    return packed


def predict(pipeline: Any, x: Tensor, t: Tensor, states: Tensor, guidance: float) -> Tensor:
    """The UNet's output, given the pooled state and the size of the image."""
    import torch

    width = pipeline.text_encoder_2.config.projection_dim
    tokens, pooled = unpack_states(states, width)
    size = tuple(side * pipeline.vae_scale_factor for side in x.shape[-2:])
    ids = torch.tensor([[*size, 0, 0, *size]], dtype=tokens.dtype, device=x.device)
    added = {"text_embeds": pooled, "time_ids": ids.repeat(len(x), 1)}
    out: Tensor = pipeline.unet(
        x, t, encoder_hidden_states=tokens, added_cond_kwargs=added, return_dict=False
    )[0]
    return out


def decode(pipeline: Any, latents: Tensor) -> Tensor:
    """Decode latents, in float32 if the autoencoder overflows in float16, as the pipeline does."""
    import torch

    vae = pipeline.vae
    is_upcast = vae.dtype == torch.float16 and vae.config.force_upcast
    if is_upcast:
        vae.to(dtype=torch.float32)
        latents = latents.to(torch.float32)
    mean, deviation = vae.config.get("latents_mean"), vae.config.get("latents_std")
    if mean is not None and deviation is not None:
        mean, deviation = (
            torch.tensor(each).view(1, -1, 1, 1).to(latents.device, latents.dtype)
            for each in (mean, deviation)
        )
        latents = latents * deviation / vae.config.scaling_factor + mean
    else:
        latents = latents / vae.config.scaling_factor
    decoded: Tensor = vae.decode(latents, return_dict=False)[0]
    if is_upcast:
        vae.to(dtype=torch.float16)
    return decoded


def count_tokens(pipeline: Any, prompts: Sequence[str]) -> list[tuple[int, int]]:
    """For each prompt the number of its tokens, and how many are read."""
    return count_tokenizer(pipeline.tokenizer, pipeline.tokenizer.model_max_length, prompts)


STABLE_DIFFUSION_XL = Family(
    name="Stable Diffusion XL",
    pipeline_class="StableDiffusionXLPipeline",
    denoiser="unet",
    models={
        "unet": ("UNet2DConditionModel",),
        "vae": ("AutoencoderKL",),
        "text_encoder": ("CLIPTextModel",),
        "text_encoder_2": ("CLIPTextModelWithProjection",),
    },
    tokenizers={"tokenizer": CLIP_TOKENIZERS, "tokenizer_2": CLIP_TOKENIZERS},
    describe=describe_unet,
    encode_prompts=encode_prompts,
    predict=predict,
    count_tokens=count_tokens,
    decode=decode,
    omitted={"feature_extractor": None, "image_encoder": None, "add_watermarker": False},
    key_prefixes={
        "unet": ("model.diffusion_model.",),
        "vae": ("first_stage_model.", "vae."),
        "text_encoder": ("conditioner.embedders.0.",),
        "text_encoder_2": ("conditioner.embedders.1.",),
    },
)
