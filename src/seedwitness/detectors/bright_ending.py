"""Bright ending (Chen et al., ICLR 2025): the last step's attention to the prompt's end token.

In the last step the pixels of a memorised region attend to the end token. The attention is a mask
of the region; the magnitude of the guidance inside the mask measures memorisation, even if only a
part of the picture was memorised. As in the authors' code (chenchen-usyd/BE-PRSS), the mask is the
mean over heads and over those cross-attention layers of the down blocks that have the most pixels
(in Stable Diffusion as many as the latents); the magnitude is divided by the mask's mean.
"""

from __future__ import annotations

from math import isqrt

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from torch.nn.functional import interpolate

from seedwitness.detectors.cross_attention import has_cross_attention, record_attention
from seedwitness.detectors.probe import Probe, compute_squared_norms
from seedwitness.records.recipe import Recipe
from seedwitness.runtime.devices import full_precision
from seedwitness.seeds import draw_noise as noise_of

DOWN_BLOCKS = "down_blocks."
"""Prefix of the names of the layers from which the mask is computed."""


def bright_ending(probe: Probe, noise: Tensor) -> Tensor:
    """Compute the magnitude ‖s^Δ‖₂ inside the bright ending (Chen et al., ICLR 2025): [n].

    The mean over all steps of ‖(ε_c − ε_u) ∘ m‖₂, divided by the mean of the mask ``m``. Higher is
    more memorised, ≥ 0; two NFE a step. ``noise`` is [n, c, h, w].
    """
    differences, mask = _walk_with_attention(probe, noise)
    norms = [compute_squared_norms(difference * mask).sqrt() for difference in differences]
    return torch.stack(norms).mean(0) / mask.mean((1, 2, 3))


def compute_mask(probe: Probe, noise: Tensor) -> Tensor:
    """Compute the mask: attention to the end token in the last step, over heads: [n, 1, h, w].

    Averaged over the down-block layers with the most pixels, resized to the latents; in [0, 1].
    """
    return _walk_with_attention(probe, noise)[1]


@full_precision()
def compute_recipe_mask(pipeline: StableDiffusionPipeline, recipe: Recipe) -> Tensor | None:
    """Compute the mask for a recipe's own noise and prompt, sampled by DDIM: [h, w] in [0, 1].

    None if the checkpoint has no cross-attention in its down blocks, or is of another family than
    Stable Diffusion 1 and 2.
    """
    is_supported = isinstance(pipeline, StableDiffusionPipeline)
    if not is_supported or not has_cross_attention(pipeline.unet, DOWN_BLOCKS):
        return None
    scale = pipeline.vae_scale_factor
    channels = pipeline.unet.config.in_channels
    shape = (channels, recipe.height // scale, recipe.width // scale)
    probe = Probe(pipeline, recipe.prompt, steps=recipe.steps, guidance=recipe.guidance)
    return compute_mask(probe, noise_of([recipe], shape))[0, 0]


def _walk_with_attention(probe: Probe, noise: Tensor) -> tuple[list[Tensor], Tensor]:
    differences, last_maps = [], []
    with record_attention(probe.pipeline.unet, DOWN_BLOCKS) as maps:
        for step in probe.walk(noise):
            differences.append(step.difference.float().cpu())
            last_maps = maps[
                : len(maps) // 2
            ]  # the prompt's maps come before those of the empty prompt
            maps.clear()
    max_pixels = max(attention.shape[1] for attention in last_maps)
    end_token_maps = [
        attention[:, :, probe.token_count - 1]
        for attention in last_maps
        if attention.shape[1] == max_pixels
    ]
    height, width = noise.shape[-2:]
    map_height = isqrt(max_pixels * height // width)
    mask = (
        torch.stack(end_token_maps)
        .mean(0)
        .float()
        .cpu()
        .unflatten(1, (1, map_height, max_pixels // map_height))
    )
    return differences, interpolate(mask, (height, width), mode="bilinear")
