"""What happens to pictures on their way: crops, turns, mirrors, colours, blur, noise, JPEG.

Each function takes pictures [n, 3, height, width] in [0, 1] and one strength a picture ([n]), and
returns pictures of the same shape and range. None draws anything at random but ``noise``, which is
handed its generator.
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


def uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    """``count`` numbers drawn evenly between ``low`` and ``high``: [count]."""
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
    """Crop, shift, turn and mirror in one bilinear sampling; the borders are reflected.

    ``zoom`` 2 shows half the width and half the height; ``right`` and ``down`` move the window by
    that share of the half size (at zoom 2, up to 0.5 stays inside); ``angle`` is in radians;
    ``mirrored`` is a mask of the pictures to flip left to right.
    """
    still = x.new_zeros(len(x))
    side = 1 / (still + 1 if zoom is None else zoom.to(x))
    turn = still if angle is None else angle.to(x)
    flip = 1 - 2 * (still if mirrored is None else mirrored.to(x))
    aspect = x.shape[-2] / x.shape[-1]  # a turn is rigid in pixels, not in the grid's unit square
    cos, sin = side * turn.cos(), side * turn.sin()
    across = torch.stack([cos * flip, -sin * aspect, still if right is None else right.to(x)], 1)
    along = torch.stack([sin * flip / aspect, cos, still if down is None else down.to(x)], 1)
    grid = F.affine_grid(torch.stack([across, along], 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False).clamp(0, 1)


def crop(x: Tensor, share: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """The part with ``share`` of the area, enlarged; ``right``, ``down`` in [-1, 1] say where."""
    room = 1 - share.sqrt()
    return warp(x, zoom=share.rsqrt(), right=right * room, down=down * room)


def colour(
    x: Tensor,
    *,
    brightness: Tensor | None = None,
    contrast: Tensor | None = None,
    saturation: Tensor | None = None,
    cast: Tensor | None = None,
) -> Tensor:
    """Shift in colour: ``brightness`` is added, ``contrast`` and ``saturation`` are factors around
    the mean and the grey of each pixel, ``cast`` [n, 3] is a factor a channel."""
    if cast is not None:
        x = x * cast.to(x)[:, :, None, None]
    if saturation is not None:
        grey = torch.einsum("nchw,c->nhw", x, x.new_tensor(_LUMA))[:, None]
        x = grey + (x - grey) * _each(saturation, x)
    if contrast is not None:
        mean = x.mean((1, 2, 3), keepdim=True)
        x = mean + (x - mean) * _each(contrast, x)
    if brightness is not None:
        x = x + _each(brightness, x)
    return x.clamp(0, 1)


def blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur; ``sigma`` in pixels, where 0 leaves a picture as it is."""
    n, c, h, w = x.shape
    reach = min(int(3 * float(sigma.max()) + 1), min(h, w) - 1)
    at = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (at / sigma.to(x)[:, None].clamp_min(1e-3)).square())
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)  # [n·c, taps]
    y = F.pad(x, [reach] * 4, mode="reflect").reshape(1, n * c, h + 2 * reach, w + 2 * reach)
    y = F.conv2d(y, kernel[:, None, None, :], groups=n * c)
    return F.conv2d(y, kernel[:, None, :, None], groups=n * c).reshape(n, c, h, w)


def noise(x: Tensor, deviation: Tensor, generator: torch.Generator) -> Tensor:
    """Independent Gaussian noise of that standard deviation on every value."""
    drawn = torch.randn(x.shape, generator=generator).to(x)
    return (x + drawn * _each(deviation, x)).clamp(0, 1)


def jpeg(x: Tensor, quality: Sequence[int]) -> Tensor:
    """Round trip through a JPEG of that quality, 1 to 95, by Pillow (colours at half size)."""
    pixels = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    read = []
    for picture, q in zip(pixels, quality, strict=True):
        file = BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=q)
        read.append(np.asarray(Image.open(file)))
    return torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2).to(x) / 255


def _each(values: Tensor, x: Tensor) -> Tensor:
    return values.to(x)[:, None, None, None]
