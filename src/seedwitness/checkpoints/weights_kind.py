"""Name what a weights file is, by the names and shapes of its tensors.

People call many files "the model": a LoRA, an embedding, an autoencoder. Each is recognised by keys
that its format always has, so an error can say what the file is instead of what it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Shapes = Mapping[str, tuple[int, ...]]

STABLE_DIFFUSION_1 = "Stable Diffusion 1"
STABLE_DIFFUSION_2 = "Stable Diffusion 2"
STABLE_DIFFUSION_XL = "Stable Diffusion XL"

_DENOISER = "model.diffusion_model."
_CROSS_ATTENTION = f"{_DENOISER}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_WIDTH_OF_2 = 1024


def _has(pattern: str) -> Callable[[Shapes], bool]:
    """A test whether any key matches ``pattern`` from its begin."""
    compiled = re.compile(pattern)
    return lambda shapes: any(compiled.match(key) for key in shapes)


def _has_only(pattern: str) -> Callable[[Shapes], bool]:
    """A test whether all keys match ``pattern`` from their begin, and there are any."""
    compiled = re.compile(pattern)
    return lambda shapes: bool(shapes) and all(compiled.match(key) for key in shapes)


def _is_embedding(shapes: Shapes) -> bool:
    names = {"emb_params", "clip_l", "clip_g"}
    is_one_vector = len(shapes) == 1 and all(
        len(shape) <= 2 and shape and shape[-1] in (768, 1024, 1280) for shape in shapes.values()
    )
    is_record = any(key.startswith("string_to_param.") for key in shapes)
    return bool(shapes) and (set(shapes) <= names or is_one_vector or is_record)


def _is_inpainting(shapes: Shapes) -> bool:
    shape = shapes.get(f"{_DENOISER}input_blocks.0.0.weight", ())
    return len(shape) == 4 and shape[1] in (8, 9)


def _is_second(shapes: Shapes) -> bool:
    width = shapes.get(_CROSS_ATTENTION, (0,))[-1]
    encoder = any(key.startswith("cond_stage_model.model.") for key in shapes)
    return encoder or width == _WIDTH_OF_2


_ADAPTER = r"(.*\.)?"
KINDS: dict[str, Callable[[Shapes], bool]] = {
    "a LyCORIS adapter": _has(rf"{_ADAPTER}(hada_w1_[ab]|lokr_w[12](_[ab])?|oft_blocks)$"),
    "a LoRA": _has(
        rf"(lora_unet_|lora_te\d?_|{_ADAPTER}lora_(down|up|[AB])(\.|$)|.*lora\.(down|up)\.)"
    ),
    "a hypernetwork": _has(r"(320|640|768|1024|1280)\.[01]\.linear\."),
    "an IP-Adapter": _has(r"(image_proj\.|ip_adapter\.)"),
    "a ControlNet": _has(
        rf"({_ADAPTER}controlnet_|control_model\.|input_hint_block\.|zero_convs\.)"
    ),
    "a T2I-Adapter": _has(r"(adapter\.)?body\.\d+\.(in_conv|block1)\."),
    "a textual inversion embedding": _is_embedding,
    "an inpainting or editing checkpoint": _is_inpainting,
    "a refiner of Stable Diffusion XL": _has(r"conditioner\.embedders\.0\.model\."),
    f"a checkpoint of {STABLE_DIFFUSION_XL}": _has(
        rf"({re.escape(_DENOISER)}label_emb\.|conditioner\.embedders\.)"
    ),
    "a checkpoint of Stable Diffusion 3": _has(r"(model\.diffusion_model\.)?joint_blocks\."),
    "a checkpoint of Flux": _has(r"(model\.diffusion_model\.)?double_blocks\."),
    "a checkpoint of PixArt": _has(r"(model\.diffusion_model\.)?(y_embedder\.|t_block\.)"),
    "a checkpoint of Z-Image": _has(
        r"(model\.diffusion_model\.)?(noise_refiner|context_refiner)\."
    ),
    "a checkpoint of Stable Cascade": _has(r"(model\.diffusion_model\.)?clip_txt_mapper\."),
    f"a checkpoint of {STABLE_DIFFUSION_2}": lambda shapes: (
        _has(re.escape(_DENOISER) + "input_blocks")(shapes) and _is_second(shapes)
    ),
    f"a checkpoint of {STABLE_DIFFUSION_1}": _has(re.escape(_DENOISER) + "input_blocks"),
    "an autoencoder (VAE)": _has_only(
        r"(first_stage_model\.|vae\.)?((encoder|decoder)\.(conv|mid|down|up|norm)|(post_)?quant|loss\.)"
    ),
    "one component of a diffusers folder, a denoiser": _has(r"(down_blocks|transformer_blocks)\.0"),
    "a text encoder": _has_only(
        r"(cond_stage_model\.|text_encoders?\.|text_model\.|text_projection|logit|encoder\.block\.|shared)"
    ),
    "an upscaler": _has(r"(conv_first|RRDB_trunk|model\.0\.weight|body\.0\.rdb1)"),
}
"""Kinds with their tests, in order: an adapter also has names of the layers that it changes."""


def name_weights_kind(shapes: Shapes) -> str:
    """What a file with tensors of these names and shapes is, with its article; empty if unknown."""
    return next((kind for kind, is_kind in KINDS.items() if is_kind(shapes)), "")
