"""How far a final latent is from the target, cheaply enough to be asked of every trial.

A guide is made for one checkpoint and one target, and then maps latents to distances, lower being
closer. It steers and sorts a search; what a report concludes, it concludes from metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.sampling import encode_pictures

Distances = Callable[[Tensor], Tensor]
Guide = Callable[[Any, Image.Image, int, int], Distances]
"""(pipeline, target, width, height) to a function: latents [n, c, h, w] to distances [n]."""


def rms(latents: Tensor, target: Tensor) -> Tensor:
    """Root mean square of the difference to ``target`` [c, h, w] for each latent: [n], float32.

    Row by row, so that a distance does not depend on what else is in the batch.
    """
    return torch.stack([(row.float() - target).square().mean().sqrt() for row in latents])


def latent_rms(pipeline: Any, picture: Image.Image, width: int, height: int) -> Distances:
    """RMS distance between final latents and the latent of the target, in units of the noise.

    The target is stretched to the recipe's size and encoded by the checkpoint's own autoencoder.
    """
    pixels = np.asarray(fitted(picture, width, height))
    target = encode_pictures(pipeline, torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])[0]
    return lambda latents: rms(latents.cpu(), target)


def fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    """``picture`` in RGB at the size that a checkpoint generates: stretched, by Lanczos."""
    rgb = picture.convert("RGB")
    same = rgb.size == (width, height)
    return rgb if same else rgb.resize((width, height), Image.Resampling.LANCZOS)


def fitting(picture: Image.Image, width: int, height: int) -> str:
    """What ``fitted`` does to ``picture``, in words."""
    if picture.size == (width, height):
        return f"target compared at its own size, {width} × {height}"
    return (
        f"target stretched from {picture.width} × {picture.height} to {width} × {height} by Lanczos"
    )
