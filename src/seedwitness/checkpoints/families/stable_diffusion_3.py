"""Stable Diffusion 3 and 3.5 (Esser et al., ICML 2024): flow matching, three text encoders."""

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
    read_size,
    require_entries,
    unpack_states,
)

if TYPE_CHECKING:
    from torch import Tensor

T5_LIMIT = 256
"""Tokens of a prompt that the pipeline has its T5 encoder read by default."""
MAX_SHIFT = 1.16


def describe(configs: Configs) -> LatentFormat:
    """Size and kind of the latents."""
    require_entries(
        configs,
        {
            "transformer": ("in_channels", "sample_size", "patch_size", "pooled_projection_dim"),
            "vae": ("latent_channels", "block_out_channels", "scaling_factor"),
            "tokenizer": ("model_max_length",),
        },
    )
    transformer, vae = configs["transformer"], configs["vae"]
    if transformer["in_channels"] != vae["latent_channels"]:
        raise ValueError(
            f"is no text-to-image checkpoint: its denoiser takes {transformer['in_channels']} "
            f"channels, its autoencoder gives {vae['latent_channels']}"
        )
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    height, width = read_size(transformer["sample_size"])
    has_t5 = "text_encoder_3" in configs
    return LatentFormat(
        channels=transformer["in_channels"],
        scale=scale,
        width=width * scale,
        height=height * scale,
        prompt_limit=T5_LIMIT if has_t5 else configs["tokenizer"]["model_max_length"],
        prediction_type=FLOW,
    )


def encode_prompts(pipeline: Any, prompts: Sequence[str], negative: bool) -> Tensor:
    """States of the CLIP encoders and of T5 in turn, and the pooled ones, packed."""
    texts = list(prompts)
    states, _, pooled, _ = pipeline.encode_prompt(
        texts, texts, texts, device=pipeline.device, do_classifier_free_guidance=False
    )
    return pack_states(states, pooled)


def predict(pipeline: Any, x: Tensor, t: Tensor, states: Tensor, guidance: float) -> Tensor:
    """The transformer's output: the velocity."""
    tokens, pooled = unpack_states(states, pipeline.transformer.config.pooled_projection_dim)
    out: Tensor = pipeline.transformer(
        hidden_states=x,
        timestep=t.expand(len(x)),
        encoder_hidden_states=tokens,
        pooled_projections=pooled,
        return_dict=False,
    )[0]
    return out


def timestep_arguments(
    pipeline: Any, scheduler: Any, steps: int, shape: Sequence[int]
) -> dict[str, Any]:
    """The number of steps and, where the scheduler shifts by the size of an image, the shift."""
    if not scheduler.config.get("use_dynamic_shifting"):
        return {"num_inference_steps": steps}
    patch = pipeline.transformer.config.patch_size
    tokens = (shape[-2] // patch) * (shape[-1] // patch)
    return {
        "num_inference_steps": steps,
        "mu": compute_shift(scheduler.config, tokens, MAX_SHIFT),
    }


def count_tokens(pipeline: Any, prompts: Sequence[str]) -> list[tuple[int, int]]:
    """For each prompt the number of its tokens, and how many the encoder of most tokens reads."""
    if pipeline.text_encoder_3 is not None:
        return count_tokenizer(pipeline.tokenizer_3, T5_LIMIT, prompts)
    return count_tokenizer(pipeline.tokenizer, pipeline.tokenizer_max_length, prompts)


STABLE_DIFFUSION_3 = Family(
    name="Stable Diffusion 3 and 3.5",
    pipeline_class="StableDiffusion3Pipeline",
    denoiser="transformer",
    models={
        "transformer": ("SD3Transformer2DModel",),
        "vae": ("AutoencoderKL",),
        "text_encoder": ("CLIPTextModelWithProjection",),
        "text_encoder_2": ("CLIPTextModelWithProjection",),
        "text_encoder_3": ("T5EncoderModel",),
    },
    tokenizers={
        "tokenizer": CLIP_TOKENIZERS,
        "tokenizer_2": CLIP_TOKENIZERS,
        "tokenizer_3": T5_TOKENIZERS,
    },
    describe=describe,
    encode_prompts=encode_prompts,
    predict=predict,
    count_tokens=count_tokens,
    timestep_arguments=timestep_arguments,
    multiple=16,
    optional=frozenset({"text_encoder_3", "tokenizer_3"}),
    omitted={"image_encoder": None, "feature_extractor": None},
)
