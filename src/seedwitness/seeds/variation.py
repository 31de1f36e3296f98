"""Vary a seed's noise as the tools do: mix in a second seed, or resize the noise.

Mixing is spherical interpolation (slerp), so the result is again normal noise, or nearly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

PARALLEL_COSINE = 0.9995
"""Cosine above which the tools interpolate linearly."""


def mix_by_columns(strength: float, noise: Tensor, other: Tensor) -> Tensor:
    """Mix two noises [c, h, w] by AUTOMATIC1111's slerp: each column of each channel separately.

    The tool's function was written for whole batches but gets single pictures, so it treats
    a channel's column as a picture. Nearly parallel noises are mixed with swapped weights, as in
    the tool.
    """
    unit, other_unit = (tensor / tensor.norm(dim=1, keepdim=True) for tensor in (noise, other))
    cosine = (unit * other_unit).sum(1)
    if cosine.mean() > PARALLEL_COSINE:
        return noise * strength + other * (1 - strength)
    angle = torch.acos(cosine)
    noise_weights = (torch.sin((1.0 - strength) * angle) / torch.sin(angle)).unsqueeze(1)
    other_weights = (torch.sin(strength * angle) / torch.sin(angle)).unsqueeze(1)
    return noise_weights * noise + other_weights * other


def mix_as_vectors(strength: float, noise: Tensor, other: Tensor) -> Tensor:
    """Mix two noises [c, h, w] by InvokeAI's slerp, each as one vector."""
    a, b = noise.double(), other.double()
    cosine = (a * b).sum() / (a.norm() * b.norm())
    if cosine.abs() > PARALLEL_COSINE:
        interpolated = (1 - strength) * a + strength * b
    else:
        angle = torch.acos(cosine)
        interpolated = (torch.sin((1 - strength) * angle) * a + torch.sin(strength * angle) * b) / (
            torch.sin(angle)
        )
    return interpolated.to(noise.dtype)


def mix_by_rotation(strength: float, noise: Tensor, other: Tensor) -> Tensor:
    """Rotate noise towards another as if the two were orthogonal: the result is exactly normal.

    The proposal of the preconditioned Crank–Nicolson walk (Cotter et al., Statist. Sci. 2013).
    """
    angle = strength * math.pi / 2
    return math.cos(angle) * noise + math.sin(angle) * other


VARIATION_RULES: Mapping[str, Callable[[float, Tensor, Tensor], Tensor]] = {
    "automatic1111": mix_by_columns,
    "invokeai": mix_as_vectors,
    "rotation": mix_by_rotation,
}
"""Rules that mix in a variation seed's noise, by tool; ``rotation`` is this project's."""


def resize_noise(noise: Tensor, inner: Tensor) -> Tensor:
    """Resize a seed as AUTOMATIC1111 does: ``inner``, noise of another size, replaces the middle.

    Both are [c, h, w]; in a direction in which ``inner`` is larger, its middle is taken.
    """
    result = noise.clone()
    result_slices, inner_slices = ([], [])  # type: tuple[list[slice], list[slice]]
    for size, inner_size in zip(noise.shape[1:], inner.shape[1:], strict=True):
        margin = (size - inner_size) // 2  # floor division, as in the tool
        length = inner_size if margin >= 0 else inner_size + 2 * margin
        result_slices.append(slice(max(margin, 0), max(margin, 0) + length))
        inner_slices.append(slice(max(-margin, 0), max(-margin, 0) + length))
    result[:, result_slices[0], result_slices[1]] = inner[:, inner_slices[0], inner_slices[1]]
    return result
