"""How far a final latent is from the target, cheaply enough to be asked of every trial.

A guide is made for one checkpoint and one target, and then maps latents to distances, lower being
closer. It steers and sorts a search; what a report concludes, it concludes from metrics.
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
DistanceFactory = Callable[[Any, Image.Image, int, int, str], DistanceFunction]
"""(pipeline, target, width, height, rule of alignment) to a function: latents to distances [n]."""


def rms(latents: Tensor, target: Tensor) -> Tensor:
    """Root mean square of the difference to ``target`` [c, h, w] for each latent: [n], float32.

    Row by row, so that a distance does not depend on what else is in the batch.
    """
    return torch.stack([(row.float() - target).square().mean().sqrt() for row in latents])


def latent_rms_distance(
    pipeline: Any, picture: Image.Image, width: int, height: int, rule: str
) -> DistanceFunction:
    """RMS distance between final latents and the latent of the target, in units of the noise.

    The target is brought to the recipe's size by ``rule`` and encoded by the checkpoint's own
    autoencoder.
    """
    target = encode_pictures(pipeline, resize_to_tensor(picture, width, height, rule)[None])[0]
    return lambda latents: rms(latents.cpu(), target)
