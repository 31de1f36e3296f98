"""How a target is laid over what a checkpoint makes, before anything is compared.

Two steps, both stated: the target is brought to the generated size by a rule; and it may be tried
in several positions, mirrored or shifted by a few pixels, of which the closest counts. Trainings
crop pictures to their middle and mirror them at random, so that a copy may come back that way.
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
AS_IT_IS = "as it is"


def _stretch(picture: Image.Image, width: int, height: int) -> Image.Image:
    return picture.resize((width, height), LANCZOS)


def _crop(picture: Image.Image, width: int, height: int) -> Image.Image:
    return ImageOps.fit(picture, (width, height), LANCZOS)


def _letterbox(picture: Image.Image, width: int, height: int) -> Image.Image:
    return ImageOps.pad(picture, (width, height), LANCZOS, color="white")


RULES: Mapping[str, tuple[Callable[[Image.Image, int, int], Image.Image], str]] = {
    "stretch": (_stretch, "stretched from {} × {} to {} × {} by Lanczos"),
    "crop": (_crop, "cut to the middle of its {} × {} and scaled to {} × {} by Lanczos"),
    "letterbox": (_letterbox, "scaled from {} × {} into {} × {} by Lanczos, with white bars"),
}


def check(rule: str) -> None:
    """Raise ConfigError, with the known rules, where there is none of this name."""
    if rule not in RULES:
        raise ConfigError(f"search.resize: there is no `{rule}`.{suggest_names(rule, RULES)}")


def fitted(picture: Image.Image, width: int, height: int, rule: str) -> Image.Image:
    """``picture`` in RGB at the size that a checkpoint generates, by one of RULES."""
    check(rule)
    rgb = picture.convert("RGB")
    return rgb if rgb.size == (width, height) else RULES[rule][0](rgb, width, height)


def describe_resize(picture: Image.Image, width: int, height: int, rule: str) -> str:
    """What ``fitted`` does to a target, in words."""
    if picture.size == (width, height):
        return f"target compared at its own size, {width} × {height}"
    return f"target {RULES[rule][1].format(*picture.size, width, height)}"


def resized_pixels(picture: Image.Image, width: int, height: int, rule: str) -> Tensor:
    """``fitted`` as uint8 [3, height, width]."""
    array = np.array(fitted(picture, width, height, rule))
    return torch.from_numpy(array).permute(2, 0, 1).contiguous()


@dataclass(frozen=True)
class AlignmentSpec:
    """The rule by which a target is fitted, and the positions in which it is tried."""

    rule: str
    mirrored: bool = False
    shift: int = 0

    def of(self, picture: Image.Image, width: int, height: int) -> dict[str, Tensor]:
        """``ways`` of a target that was brought to a size by the rule."""
        target = resized_pixels(picture, width, height, self.rule)
        return alignments(target, mirrored=self.mirrored, shift=self.shift)


def resized(
    pictures: Tensor,
    height: int,
    width: int,
    resample: Image.Resampling = Image.Resampling.BILINEAR,
) -> Tensor:
    """Pictures at another size, by Pillow, as models that were published with it saw theirs.

    uint8 [n, 3, h, w] to uint8 [n, 3, height, width] on the CPU; those of that size are left alone.
    """
    if pictures.shape[-2:] == (height, width):
        return pictures
    arrays = pictures.permute(0, 2, 3, 1).cpu().numpy()
    made = [Image.fromarray(each).resize((width, height), resample) for each in arrays]
    stacked = np.stack([np.asarray(each) for each in made])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2)


def alignments(target: Tensor, *, mirrored: bool = False, shift: int = 0) -> dict[str, Tensor]:
    """The positions in which ``target`` (uint8 [3, h, w]) is tried, by name: itself first.

    ``shift`` pixels to each of eight sides; what comes in at a border repeats the border.
    """
    found = {AS_IT_IS: target}
    if mirrored:
        found["mirrored"] = target.flip(-1)
    if shift:
        sides = (-shift, 0, shift)
        moves = [(x, y) for y in sides for x in sides if (x, y) != (0, 0)]
        found |= {
            f"shifted by {x}, {y}" if name == AS_IT_IS else f"{name}, shifted by {x}, {y}": _moved(
                each, x, y
            )
            for name, each in list(found.items())
            for x, y in moves
        }
    return found


def _moved(picture: Tensor, x: int, y: int) -> Tensor:
    height, width = picture.shape[-2:]
    rows = (torch.arange(height) - y).clamp(0, height - 1)
    columns = (torch.arange(width) - x).clamp(0, width - 1)
    return picture[:, rows][:, :, columns]
