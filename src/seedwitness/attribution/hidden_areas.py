"""Areas of a target that show something else than what was sampled, such as a watermark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from seedwitness.attribution.placements import place
from seedwitness.errors import ConfigError
from seedwitness.records.placement import Placement

Array = np.ndarray[Any, Any]
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom lie outside."""


def check_hidden_areas(hidden: Sequence[Box], size: tuple[int, int]) -> None:
    """Raise ConfigError for a box that is empty or not inside of a picture of this size."""
    for box in hidden:
        left, top, right, bottom = box
        if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
            raise ConfigError(
                f"The hidden area {','.join(map(str, box))} does not lie in the target, which has "
                f"{size[0]} × {size[1]} pixels: give LEFT,TOP,RIGHT,BOTTOM."
            )


def paint_over(picture: Image.Image, hidden: Sequence[Box]) -> Image.Image:
    """Fill hidden areas with the mean colour of the rest, so that they disturb it least."""
    if not hidden:
        return picture
    pixels = np.array(picture.convert("RGB"))
    is_hidden = np.asarray(_draw_mask(picture.size, hidden)) > 0
    if is_hidden.all():
        raise ConfigError("The hidden areas cover the whole target: nothing is left to look at.")
    pixels[is_hidden] = pixels[~is_hidden].mean(0).round().astype(np.uint8)
    return Image.fromarray(pixels)


def find_shown_elements(
    size: tuple[int, int], hidden: Sequence[Box], placement: Placement | None, scale: int
) -> Array:
    """Which elements of the latents show no hidden pixel of a target of this size: bool [h, w].

    They are those of the sampled image, if the target is laid into one.
    """
    mask = _draw_mask(size, hidden)
    covered: Array = np.array(place(mask, placement).convert("L") if placement else mask) > 0
    height, width = covered.shape
    cells = covered.reshape(height // scale, scale, width // scale, scale)
    shown: Array = np.logical_not(cells.any((1, 3)))
    return shown


def list_shown_pixels(size: tuple[int, int], hidden: Sequence[Box]) -> Array:
    """Which pixels of a target of this size are not hidden: bool [h, w]."""
    shown: Array = np.asarray(_draw_mask(size, hidden)) == 0
    return shown


def _draw_mask(size: tuple[int, int], hidden: Sequence[Box]) -> Image.Image:
    """White where a picture is hidden, black elsewhere."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for left, top, right, bottom in hidden:
        draw.rectangle((left, top, right - 1, bottom - 1), fill=255)
    return mask
