"""Distortions of pictures: crop, rotation, mirror, colour, blur, noise and JPEG compression.

Each function takes pictures [n, 3, height, width] in [0, 1] and one strength for each picture [n],
and returns pictures of the same shape and range. All are deterministic but ``add_noise``, which
takes a generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def draw_uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    """``count`` uniform random numbers between ``low`` and ``high``: [count]."""
    return low + (high - low) * torch.rand(count, generator=generator)


def warp(
    x: Tensor,
    *,
    zoom: Tensor | None = None,
    right: Tensor | None = None,
    down: Tensor | None = None,
    angle: Tensor | None = None,
    mirrored: Tensor | None = None,
) -> Tensor:
    """Crop, shift, rotate and mirror in one bilinear sampling; borders are padded by reflection.

    A ``zoom`` of 2 shows half the width and half the height. ``right`` and ``down`` move the window
    by a share of half the size (at zoom 2, the window stays inside up to 0.5). ``angle`` is in
    radians. ``mirrored`` is a mask of the pictures to flip left to right.
    """
    zero = x.new_zeros(len(x))
    side = 1 / (zero + 1 if zoom is None else zoom.to(x))
    turn = zero if angle is None else angle.to(x)
    flip = 1 - 2 * (zero if mirrored is None else mirrored.to(x))
    # A rotation is rigid in pixels, not in the unit square of the grid.
    aspect = x.shape[-2] / x.shape[-1]
    cos, sin = side * turn.cos(), side * turn.sin()
    across = torch.stack([cos * flip, -sin * aspect, zero if right is None else right.to(x)], 1)
    along = torch.stack([sin * flip / aspect, cos, zero if down is None else down.to(x)], 1)
    grid = F.affine_grid(torch.stack([across, along], 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False).clamp(0, 1)


def crop(x: Tensor, share: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """The part with ``share`` of the area at ``right``, ``down`` in [-1, 1], enlarged."""
    room = 1 - share.sqrt()
    return warp(x, zoom=share.rsqrt(), right=right * room, down=down * room)


def shift_colour(
    x: Tensor,
    *,
    brightness: Tensor | None = None,
    contrast: Tensor | None = None,
    saturation: Tensor | None = None,
    cast: Tensor | None = None,
) -> Tensor:
    """Change the colours of each picture.

    ``brightness`` is added. ``contrast`` is a factor around the mean of the picture, ``saturation``
    a factor around the grey of each pixel, ``cast`` [n, 3] a factor for each channel.
    """
    if cast is not None:
        x = x * cast.to(x)[:, :, None, None]
    if saturation is not None:
        grey = torch.einsum("nchw,c->nhw", x, x.new_tensor(_LUMA))[:, None]
        x = grey + (x - grey) * _per_picture(saturation, x)
    if contrast is not None:
        mean = x.mean((1, 2, 3), keepdim=True)
        x = mean + (x - mean) * _per_picture(contrast, x)
    if brightness is not None:
        x = x + _per_picture(brightness, x)
    return x.clamp(0, 1)


def blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with ``sigma`` in pixels; 0 leaves a picture unchanged."""
    n, c, h, w = x.shape
    reach = min(int(3 * float(sigma.max()) + 1), min(h, w) - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offsets / sigma.to(x)[:, None].clamp_min(1e-3)).square())
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)  # [n·c, taps]
    y = F.pad(x, [reach] * 4, mode="reflect").reshape(1, n * c, h + 2 * reach, w + 2 * reach)
    y = F.conv2d(y, kernel[:, None, None, :], groups=n * c)
    return F.conv2d(y, kernel[:, None, :, None], groups=n * c).reshape(n, c, h, w)


def add_noise(x: Tensor, deviation: Tensor, generator: torch.Generator) -> Tensor:
    """Add independent Gaussian noise of standard deviation ``deviation`` to every value."""
    noise = torch.randn(x.shape, generator=generator).to(x)
    return (x + noise * _per_picture(deviation, x)).clamp(0, 1)


def compress_jpeg(x: Tensor, quality: Sequence[int]) -> Tensor:
    """Compress by Pillow's JPEG of ``quality`` 1 to 95 (colours at half resolution) and decode."""
    pixels = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    decoded = []
    for picture, q in zip(pixels, quality, strict=True):
        file = BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=q)
        decoded.append(np.asarray(Image.open(file)))
    return torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2).to(x) / 255


def _per_picture(values: Tensor, x: Tensor) -> Tensor:
    return values.to(x)[:, None, None, None]
