"""Bright ending (Chen et al., ICLR 2025): where in the picture the end token is looked at last.

In the last step the pixels of a learned region look at the end of the prompt. As a mask it says
where; the magnitude of the guidance inside it says how much, also where only a part was learned.
After the authors' code (chenchen-usyd/BE-PRSS): the mask is the mean over heads and over those
cross-attention layers of the denoiser's way down that have the most pixels, which are the latents'
own in Stable Diffusion; the magnitude in it is divided by its mean.
"""

from __future__ import annotations

from math import isqrt

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from torch.nn.functional import interpolate

from seedwitness.detectors.cross_attention import attends, recorded
from seedwitness.detectors.probe import Probe, squared_norm
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import noise as noise_of

DOWN = "down_blocks."
"""What the names of the layers begin with that make the mask."""


def bright_ending(probe: Probe, noise: Tensor) -> Tensor:
    """Magnitude of ‖s^Δ‖₂ inside the bright ending, by its mean (Chen et al., ICLR 2025): [n].

    The mean over all steps of ‖(ε_c − ε_u) ∘ m‖₂ over the mean of the mask ``m``. Higher is more
    memorised, ≥ 0; two NFE a step. ``noise`` is [n, c, h, w].
    """
    differences, mask = _walked(probe, noise)
    norms = [squared_norm(each * mask).sqrt() for each in differences]
    return torch.stack(norms).mean(0) / mask.mean((1, 2, 3))


def ending(probe: Probe, noise: Tensor) -> Tensor:
    """The mask: attention to the end token in the last step, averaged over heads: [n, 1, h, w].

    Of the layers on the way down with the most pixels, brought to the latents' size; in [0, 1].
    """
    return _walked(probe, noise)[1]


def walked_ending(pipeline: StableDiffusionPipeline, recipe: Recipe) -> Tensor | None:
    """``ending`` of a recipe's own noise and prompt, on the way of DDIM: [h, w] in [0, 1].

    None where the checkpoint has no cross-attention on its way down.
    """
    if not attends(pipeline.unet, DOWN):
        return None
    scale = pipeline.vae_scale_factor
    channels = pipeline.unet.config.in_channels
    shape = (channels, recipe.height // scale, recipe.width // scale)
    probe = Probe(pipeline, recipe.prompt, steps=recipe.steps, guidance=recipe.guidance)
    return ending(probe, noise_of([recipe], shape))[0, 0]


def _walked(probe: Probe, noise: Tensor) -> tuple[list[Tensor], Tensor]:
    differences, last = [], []
    with recorded(probe.pipeline.unet, DOWN) as maps:
        for step in probe.walk(noise):
            differences.append(step.difference.float().cpu())
            last = maps[: len(maps) // 2]  # the prompt's come before the empty one's
            maps.clear()
    most = max(each.shape[1] for each in last)
    finest = [each[:, :, probe.tokens - 1] for each in last if each.shape[1] == most]
    height, width = noise.shape[-2:]
    tall = isqrt(most * height // width)
    mask = torch.stack(finest).mean(0).float().cpu().unflatten(1, (1, tall, most // tall))
    return differences, interpolate(mask, (height, width), mode="bilinear")
