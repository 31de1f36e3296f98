"""What tools make of a seed's noise: a second seed mixed in, and noise of another size.

Mixing is spherical interpolation (slerp), so that what comes out is normal noise again, or nearly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

PARALLEL = 0.9995
"""Cosine from which the tools interpolate in a straight line."""


def by_rows(strength: float, noise: Tensor, other: Tensor) -> Tensor:
    """AUTOMATIC1111's slerp of two noises [c, h, w]: columns of each channel by themselves.

    It was written for whole batches and is given single pictures, so that what it takes for a
    picture is a channel's column. Nearly parallel noises are mixed by ``1 - strength``, as there.
    """
    unit, other_unit = (each / each.norm(dim=1, keepdim=True) for each in (noise, other))
    cosine = (unit * other_unit).sum(1)
    if cosine.mean() > PARALLEL:
        return noise * strength + other * (1 - strength)
    angle = torch.acos(cosine)
    first = (torch.sin((1.0 - strength) * angle) / torch.sin(angle)).unsqueeze(1)
    second = (torch.sin(strength * angle) / torch.sin(angle)).unsqueeze(1)
    return first * noise + second * other


def whole(strength: float, noise: Tensor, other: Tensor) -> Tensor:
    """InvokeAI's slerp of two noises [c, h, w], each taken as one vector."""
    a, b = noise.double(), other.double()
    cosine = (a * b).sum() / (a.norm() * b.norm())
    if cosine.abs() > PARALLEL:
        mixed = (1 - strength) * a + strength * b
    else:
        angle = torch.acos(cosine)
        mixed = (torch.sin((1 - strength) * angle) * a + torch.sin(strength * angle) * b) / (
            torch.sin(angle)
        )
    return mixed.to(noise.dtype)


def rotated(strength: float, noise: Tensor, other: Tensor) -> Tensor:
    """Noise turned towards another, as if the two stood at a right angle: exactly normal again.

    The proposal of the preconditioned Crank–Nicolson walk (Cotter et al., Statist. Sci. 2013).
    """
    angle = strength * math.pi / 2
    return math.cos(angle) * noise + math.sin(angle) * other


RULES: Mapping[str, Callable[[float, Tensor, Tensor], Tensor]] = {
    "automatic1111": by_rows,
    "invokeai": whole,
    "rotation": rotated,
}
"""How a variation seed's noise is mixed in, by the tool whose rule it is; ``rotation`` is ours."""


def resized(noise: Tensor, smaller: Tensor) -> Tensor:
    """AUTOMATIC1111's seed resize: ``smaller``, noise of another size, put into the middle.

    Both are [c, h, w]; where ``smaller`` is the larger one in a direction, its middle is taken.
    """
    found = noise.clone()
    own, theirs = ([], [])  # type: tuple[list[slice], list[slice]]
    for size, other in zip(noise.shape[1:], smaller.shape[1:], strict=True):
        margin = (size - other) // 2  # towards minus infinity, as there
        length = other if margin >= 0 else other + 2 * margin
        own.append(slice(max(margin, 0), max(margin, 0) + length))
        theirs.append(slice(max(-margin, 0), max(-margin, 0) + length))
    found[:, own[0], own[1]] = smaller[:, theirs[0], theirs[1]]
    return found
