"""Latent distances: how far a final latent is from the target, cheap enough for every trial.

A distance function is made for one checkpoint and one target, and maps latents to distances; lower
is closer. It steers and ranks a search. The conclusions of a report rest on metrics instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from seedwitness.engine.sampling import encode_pictures
from seedwitness.imaging.alignment import resize_to_tensor

DistanceFunction = Callable[[Tensor], Tensor]
"""Final latents [n, c, h, w] to distances [n]."""
DistanceFactory = Callable[[Any, Image.Image, int, int, str], DistanceFunction]
"""(pipeline, target, width, height, resize rule) to a distance function."""


def compute_rms_distances(latents: Tensor, target: Tensor) -> Tensor:
    """Root mean square of the difference to ``target`` [c, h, w] for each latent: [n], float32.

    Computed row by row, so that a distance does not depend on the rest of the batch.
    """
    return torch.stack([(row.float() - target).square().mean().sqrt() for row in latents])


def make_latent_rms_distance(
    pipeline: Any, picture: Image.Image, width: int, height: int, rule: str
) -> DistanceFunction:
    """RMS distance between final latents and the latent of the target, in units of the noise.

    The target is resized to the recipe's size by ``rule`` and encoded by the checkpoint's own
    autoencoder.
    """
    target = encode_pictures(pipeline.vae, resize_to_tensor(picture, width, height, rule)[None])[0]
    return lambda latents: compute_rms_distances(latents.cpu(), target)
