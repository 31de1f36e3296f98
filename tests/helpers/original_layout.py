"""The original layout of single files, written down from the first release of the weights."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

WEIGHTS = {
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
}


def original_layout(root: Path) -> dict[str, Tensor]:
    """A small StableDiffusionPipeline folder in the keys of the first release of the weights.

    Written down from that layout: input_blocks and output_blocks are numbered through, a resnet
    each, with its attention as the second part; a sampler has a number of its own on the way down
    and is the last part of a block on the way up.
    """
    unet = load_file(root / WEIGHTS["unet"])
    found = {}
    for key, value in unet.items():
        found["model.diffusion_model." + unet_key(key, unet)] = value
    vae = load_file(root / WEIGHTS["vae"])
    last = max(int(match[1]) for key in vae if (match := re.search(r"up_blocks\.(\d+)", key)))
    for key, value in vae.items():
        is_projection = "attentions" in key and key.endswith("weight") and value.ndim == 2
        # There the attention's projections are convolutions over one pixel.
        found["first_stage_model." + vae_key(key, last)] = (
            value[:, :, None, None] if is_projection else value
        )
    for key, value in load_file(root / WEIGHTS["text_encoder"]).items():
        name = key if key.startswith("text_model.") else f"text_model.{key}"
        found["cond_stage_model.transformer." + name] = value
    return {key: value.clone() for key, value in found.items()}


RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
LAYERS = 1  # resnets a block on the way down; one more on the way up


def unet_key(key: str, state: dict[str, Tensor]) -> str:
    for ours, theirs in ENDS.items():
        if key.startswith(ours + "."):
            return key.replace(ours, theirs, 1)
    way, *rest = key.split(".")
    if way == "mid_block":
        kind, number, *inside = rest
        place = 2 * int(number) if kind == "resnets" else 1
        return ".".join(["middle_block", str(place), *renamed(kind, inside)])
    block, kind, number, *inside = rest
    if way == "down_blocks":
        if kind == "downsamplers":
            return f"input_blocks.{(int(block) + 1) * (LAYERS + 1)}.0.op.{inside[-1]}"
        place = int(block) * (LAYERS + 1) + int(number) + 1
        part = 0 if kind == "resnets" else 1
        return ".".join([f"input_blocks.{place}.{part}", *renamed(kind, inside)])
    if kind == "upsamplers":
        attends = any(name.startswith(f"up_blocks.{block}.attentions") for name in state)
        place = int(block) * (LAYERS + 1) + LAYERS
        return f"output_blocks.{place}.{2 if attends else 1}.conv.{inside[-1]}"
    place = int(block) * (LAYERS + 1) + int(number)
    part = 0 if kind == "resnets" else 1
    return ".".join([f"output_blocks.{place}.{part}", *renamed(kind, inside)])


def renamed(kind: str, inside: list[str]) -> list[str]:
    return [RESNET.get(inside[0], inside[0]), *inside[1:]] if kind == "resnets" else inside


def vae_key(key: str, last: int) -> str:
    """``last`` is the number of the last block: up blocks are counted from the other end."""
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    for ours, theirs in ATTENTION.items():
        key = key.replace(f"mid_block.attentions.0.{ours}.", f"mid.attn_1.{theirs}.")
    key = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    up = r"up_blocks\.(\d)\."
    key = re.sub(up + r"resnets\.(\d)", lambda m: f"up.{last - int(m[1])}.block.{m[2]}", key)
    key = re.sub(up + r"upsamplers\.0", lambda m: f"up.{last - int(m[1])}.upsample", key)
    return key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")


def original_layout_of_xl(root: Path) -> dict[str, Tensor]:
    """A small StableDiffusionXLPipeline folder in the keys of a single file of XL."""
    found = {
        key: value
        for key, value in original_layout(root).items()
        if not key.startswith("cond_stage_model.")
    }
    for key, value in load_file(root / WEIGHTS["text_encoder"]).items():
        name = key if key.startswith("text_model.") else f"text_model.{key}"
        found["conditioner.embedders.0.transformer." + name] = value
    second = load_file(root / "text_encoder_2/model.safetensors")
    for key, value in second.items():
        for name, part in open_clip_keys(key, value, second).items():
            found["conditioner.embedders.1.model." + name] = part
    return {key: value.clone() for key, value in found.items()}


OPEN_CLIP = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def open_clip_keys(key: str, value: Tensor, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A tensor of CLIPTextModelWithProjection by open_clip's names: q, k and v are one there."""
    if key == "text_projection.weight":
        return {"text_projection": value.T.contiguous()}
    name = key.removeprefix("text_model.")
    if name in OPEN_CLIP:
        return {OPEN_CLIP[name]: value}
    match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if match is None:  # position_ids
        return {}
    number, part, kind = match.groups()
    if part == "self_attn.q_proj":
        parts = [state[key.replace("q_proj", f"{each}_proj")] for each in "qkv"]
        return {f"transformer.resblocks.{number}.attn.in_proj_{kind}": torch.cat(parts)}
    if part in LAYER:
        return {f"transformer.resblocks.{number}.{LAYER[part]}.{kind}": value}
    return {}
