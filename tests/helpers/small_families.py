"""Small checkpoints of other families, made of the real classes, untrained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.utils import logging
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from seedlab.tokenizer import train_tokenizer

WIDTH, LIMIT = 32, 77
WITHOUT_QUANT = {"use_quant_conv": False, "use_post_quant_conv": False}
XL_SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "clip_sample": False,  # of other schedulers, as in the published file
    "set_alpha_to_one": False,
}
LETTERS = "abcdefghijklmnopqrstuvwxyz ▁"


def build_clip(size: int, projection: bool, seed: int, width: int = WIDTH) -> Any:
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=LIMIT,
        projection_dim=width,
        bos_token_id=0,
        eos_token_id=1,
    )
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()


def build_vae(channels: int, **settings: Any) -> AutoencoderKL:
    torch.manual_seed(5)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        block_out_channels=[8, 16],
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=4,
        **settings,
    ).eval()


def build_t5(width: int) -> T5EncoderModel:
    torch.manual_seed(6)
    config = T5Config(
        vocab_size=len(LETTERS) + 3, d_model=width, d_kv=8, d_ff=64, num_layers=2, num_heads=4
    )
    return T5EncoderModel(config).eval()


def build_t5_tokenizer() -> Any:
    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *((letter, -3.0) for letter in LETTERS),
    ]
    return T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=LIMIT)


def save_xl(folder: Path, **settings: Any) -> None:
    tokenizer = train_tokenizer(["a red fish", "a blue lighthouse"])
    tokenizer.model_max_length = LIMIT
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=6 * 8 + 2 * WIDTH,
        cross_attention_dim=3 * WIDTH,
        norm_num_groups=8,
    ).eval()
    StableDiffusionXLPipeline(
        vae=build_vae(4, scaling_factor=0.13025, force_upcast=True),
        text_encoder=build_clip(len(tokenizer), False, 2),
        text_encoder_2=build_clip(len(tokenizer), True, 3, 2 * WIDTH),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=EulerDiscreteScheduler.from_config(XL_SCHEDULE),
        add_watermarker=False,
        **settings,
    ).save_pretrained(folder)


def save_3(folder: Path, with_t5: bool = True, **shift: Any) -> None:
    tokenizer = train_tokenizer(["a red fish", "a blue lighthouse"])
    tokenizer.model_max_length = LIMIT
    torch.manual_seed(1)
    transformer = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=2 * WIDTH,
        pooled_projection_dim=2 * WIDTH,
        out_channels=4,
        pos_embed_max_size=32,
    ).eval()
    StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(**(shift or {"shift": 3.0})),
        vae=build_vae(4, scaling_factor=1.5, shift_factor=0.06, **WITHOUT_QUANT),
        text_encoder=build_clip(len(tokenizer), True, 2),
        tokenizer=tokenizer,
        text_encoder_2=build_clip(len(tokenizer), True, 3),
        tokenizer_2=tokenizer,
        text_encoder_3=build_t5(2 * WIDTH) if with_t5 else None,
        tokenizer_3=build_t5_tokenizer() if with_t5 else None,
    ).save_pretrained(folder)


def save_flux(folder: Path, guidance_embeds: bool = True) -> None:
    tokenizer = train_tokenizer(["a red fish", "a blue lighthouse"])
    tokenizer.model_max_length = LIMIT
    torch.manual_seed(1)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        guidance_embeds=guidance_embeds,
        axes_dims_rope=(4, 4, 8),
    ).eval()
    FluxPipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15
        ),
        vae=build_vae(4, scaling_factor=0.36, shift_factor=0.11, **WITHOUT_QUANT),
        text_encoder=build_clip(len(tokenizer), False, 2),
        tokenizer=tokenizer,
        text_encoder_2=build_t5(WIDTH),
        tokenizer_2=build_t5_tokenizer(),
    ).save_pretrained(folder)


SMALL: dict[str, Callable[[Path], None]] = {
    "xl": save_xl,
    "xl-without-zeros": lambda folder: save_xl(folder, force_zeros_for_empty_prompt=False),
    "3": save_3,
    "3-without-t5": lambda folder: save_3(folder, with_t5=False),
    "3-shifted": lambda folder: save_3(folder, use_dynamic_shifting=True),
    "flux": save_flux,
    "flux-schnell": lambda folder: save_flux(folder, guidance_embeds=False),
}
"""Small checkpoints by name."""


def save_small(name: str, folder: Path) -> None:
    """Save a small checkpoint; what is absent on purpose is not warned of."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        SMALL[name](folder)
    finally:
        logging.set_verbosity(level)
