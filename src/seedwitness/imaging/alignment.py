"""Resize a target to the generated size, and list the alignments in which it is compared.

A rule brings the target to the size that the checkpoint generates. The target may also be compared
mirrored or shifted by a few pixels; the closest alignment counts. Training pipelines crop pictures
to their middle and mirror them at random, so a copy may come back mirrored or shifted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError

LANCZOS = Image.Resampling.LANCZOS
IDENTITY = "as it is"


def _stretch(picture: Image.Image, width: int, height: int) -> Image.Image:
    return picture.resize((width, height), LANCZOS)


def _crop(picture: Image.Image, width: int, height: int) -> Image.Image:
    return ImageOps.fit(picture, (width, height), LANCZOS)


def _letterbox(picture: Image.Image, width: int, height: int) -> Image.Image:
    return ImageOps.pad(picture, (width, height), LANCZOS, color="white")


RESIZE_RULES: Mapping[str, Callable[[Image.Image, int, int], Image.Image]] = {
    "stretch": _stretch,
    "crop": _crop,
    "letterbox": _letterbox,
}


def check_resize_rule(rule: str) -> None:
    """Raise ConfigError, which lists the known rules, if ``rule`` is none of them."""
    if rule not in RESIZE_RULES:
        raise ConfigError(
            f"search.resize: there is no rule `{rule}`.{suggest_names(rule, RESIZE_RULES)}"
        )


def resize_by_rule(picture: Image.Image, width: int, height: int, rule: str) -> Image.Image:
    """Convert ``picture`` to RGB and resize it to the generated size by one of RESIZE_RULES."""
    check_resize_rule(rule)
    rgb = picture.convert("RGB")
    return rgb if rgb.size == (width, height) else RESIZE_RULES[rule](rgb, width, height)


def resize_to_tensor(picture: Image.Image, width: int, height: int, rule: str) -> Tensor:
    """Resize by ``resize_by_rule``; return uint8 [3, height, width]."""
    array = np.array(resize_by_rule(picture, width, height, rule))
    return torch.from_numpy(array).permute(2, 0, 1).contiguous()


@dataclass(frozen=True)
class AlignmentSpec:
    """The resize rule, and the alignments of the target that are compared."""

    rule: str
    mirrored: bool = False
    shift: int = 0

    def make_alignments(self, picture: Image.Image, width: int, height: int) -> dict[str, Tensor]:
        """Resize the target by the rule and list its alignments by name."""
        target = resize_to_tensor(picture, width, height, self.rule)
        return make_alignments(target, mirrored=self.mirrored, shift=self.shift)


def resize_batch(
    pictures: Tensor,
    height: int,
    width: int,
    resample: Image.Resampling = Image.Resampling.BILINEAR,
) -> Tensor:
    """Resize a batch of pictures by Pillow, as the preprocessing of published models does.

    uint8 [n, 3, h, w] to uint8 [n, 3, height, width] on the CPU. Pictures that have the size
    already are returned unchanged.
    """
    if pictures.shape[-2:] == (height, width):
        return pictures
    arrays = pictures.permute(0, 2, 3, 1).cpu().numpy()
    resized = [Image.fromarray(array).resize((width, height), resample) for array in arrays]
    stacked = np.stack([np.asarray(image) for image in resized])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2)


def make_alignments(target: Tensor, *, mirrored: bool = False, shift: int = 0) -> dict[str, Tensor]:
    """List the alignments of ``target`` (uint8 [3, h, w]) by name, the unchanged target first.

    ``shift`` is the distance in pixels in each of eight directions; pixels that enter at a border
    repeat the border.
    """
    alignments = {IDENTITY: target}
    if mirrored:
        alignments["mirrored"] = target.flip(-1)
    if shift:
        sides = (-shift, 0, shift)
        moves = [(x, y) for y in sides for x in sides if (x, y) != (0, 0)]
        alignments |= {
            f"shifted by {x}, {y}"
            if name == IDENTITY
            else f"{name}, shifted by {x}, {y}": _shift_picture(picture, x, y)
            for name, picture in list(alignments.items())
            for x, y in moves
        }
    return alignments


def _shift_picture(picture: Tensor, x: int, y: int) -> Tensor:
    height, width = picture.shape[-2:]
    rows = (torch.arange(height) - y).clamp(0, height - 1)
    columns = (torch.arange(width) - x).clamp(0, width - 1)
    return picture[:, rows][:, :, columns]
