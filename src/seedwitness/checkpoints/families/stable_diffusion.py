"""Stable Diffusion 1 and 2, and models with the same components (Rombach et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedwitness.checkpoints.families.contract import (
    CLIP_TOKENIZERS,
    Configs,
    Family,
    LatentFormat,
    count_tokenizer,
    read_size,
    require_entries,
)

if TYPE_CHECKING:
    from torch import Tensor


def describe_unet(configs: Configs) -> LatentFormat:
    """Size and kind of the latents of a UNet with CLIP text encoders."""
    require_entries(
        configs,
        {
            "unet": ("in_channels", "sample_size"),
            "vae": ("latent_channels", "block_out_channels"),
            "text_encoder": ("max_position_embeddings",),
            "tokenizer": ("model_max_length",),
        },
    )
    unet, vae = configs["unet"], configs["vae"]
    if unet["in_channels"] != vae["latent_channels"]:
        raise ValueError(
            f"is no text-to-image checkpoint: its denoiser takes {unet['in_channels']} channels, "
            f"its autoencoder gives {vae['latent_channels']}"
        )
    if unet.get("time_cond_proj_dim"):
        raise ValueError(
            "has a denoiser that is distilled to take guidance as an input (time_cond_proj_dim), "
            "which is not supported"
        )
    is_xl = unet.get("addition_embed_type") == "text_time"
    if is_xl and "text_encoder_2" not in configs:
        raise ValueError(
            "names another pipeline than its components belong to: its denoiser is that of Stable "
            "Diffusion XL, whose model_index.json names a StableDiffusionXLPipeline"
        )
    limit = configs["tokenizer"]["model_max_length"]
    read = configs["text_encoder"]["max_position_embeddings"]
    if limit > read:
        raise ValueError(
            f"has a tokenizer that allows {limit} tokens, but its text encoder reads {read}"
        )
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    height, width = read_size(unet["sample_size"])
    return LatentFormat(
        channels=unet["in_channels"],
        scale=scale,
        width=width * scale,
        height=height * scale,
        prompt_limit=limit,
        prediction_type=configs["scheduler"].get("prediction_type", "epsilon"),
    )


def encode_prompts(pipeline: Any, prompts: Sequence[str], negative: bool) -> Tensor:
    """The text encoder's last hidden states: [n, limit, width]."""
    encoder = pipeline.text_encoder
    tokens = pipeline.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=pipeline.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    uses_mask = getattr(encoder.config, "use_attention_mask", False)
    mask = tokens.attention_mask.to(pipeline.device) if uses_mask else None
    states: Tensor = encoder(tokens.input_ids.to(pipeline.device), attention_mask=mask)[0]
    return states


def predict(pipeline: Any, x: Tensor, t: Tensor, states: Tensor, guidance: float) -> Tensor:
    """The UNet's output."""
    out: Tensor = pipeline.unet(x, t, states, return_dict=False)[0]
    return out


def decode(pipeline: Any, latents: Tensor) -> Tensor:
    """Decode scaled latents: images [n, 3, height, width] from -1 to 1."""
    decoded: Tensor = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return decoded


def count_tokens(pipeline: Any, prompts: Sequence[str]) -> list[tuple[int, int]]:
    """For each prompt the number of its tokens, and how many are read."""
    return count_tokenizer(pipeline.tokenizer, pipeline.tokenizer.model_max_length, prompts)


STABLE_DIFFUSION = Family(
    name="Stable Diffusion 1 and 2",
    pipeline_class="StableDiffusionPipeline",
    denoiser="unet",
    models={
        "unet": ("UNet2DConditionModel",),
        "vae": ("AutoencoderKL",),
        "text_encoder": ("CLIPTextModel",),
    },
    tokenizers={"tokenizer": CLIP_TOKENIZERS},
    describe=describe_unet,
    encode_prompts=encode_prompts,
    predict=predict,
    count_tokens=count_tokens,
    decode=decode,
    omitted={
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    },
    key_prefixes={
        "unet": ("model.diffusion_model.",),
        "vae": ("first_stage_model.", "vae."),
        "text_encoder": ("cond_stage_model.",),
    },
)
