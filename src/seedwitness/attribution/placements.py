"""Placements of a target in the image that was sampled, to be tried (decision 37).

A picture on its way is cropped, mirrored, resized, or set into a border. Its noise is then found
only where the target is laid back into an image of the first size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from seedwitness.records.placement import Placement, PlacementKind

Array = np.ndarray[Any, Any]
Size = tuple[int, int]
"""Width and height."""

CELL = 8
"""Pixels after which the offsets repeat that are tried of a picture that was cropped anywhere."""

OFFSETS = (1, 4, 6)
"""Those offsets within CELL: every other one is a pixel away, at which noise is hardly lost."""

SAME_SHAPE = 0.01
"""Largest relative difference of the aspect ratios of a picture and what it is resized to."""

PLAIN = 6
"""Largest difference of the values in a plain row or column, in levels of 255: JPEG adds some."""

LEAST_BORDER = 2
"""Least width of a border on a side, in pixels: many pictures have a plain row at their edge."""

LEAST_PART = 0.25
"""Least share of a side that is left without the border."""

LEAST_KEPT = 0.5
"""Least share of each side that a cropped picture has kept."""

FILTERS = (
    Image.Resampling.LANCZOS,
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.BOX,
    Image.Resampling.NEAREST,
)
"""How a target may have been resized."""


def plan_placements(
    picture: Image.Image, sizes: Sequence[Size], scale: int, kinds: Sequence[PlacementKind]
) -> list[Placement]:
    """List the placements of ``picture`` other than as it is, in the order of ``kinds``.

    ``sizes`` are those that the sampled image may have had, the likeliest first; ``scale`` is the
    number of pixels of an element of the latents. A border is one of a single colour. A cropped
    picture is laid into the middle and the four corners of each size that is larger, and, if
    cropped anywhere, to every offset within a pixel of it.
    """
    parts = {"as it is": (0, 0, *picture.size)}
    inner = find_inside_of_border(picture)
    if "bordered" in kinds and inner != parts["as it is"]:
        parts["bordered"] = inner
    found: dict[PlacementKind, list[Placement]] = {kind: [] for kind in kinds}
    for name, box in parts.items():
        size = box[2] - box[0], box[3] - box[1]
        if not any(length % scale for length in size):
            if name == "bordered":
                found["bordered"].append(_fill(box, size))
            if "mirrored" in found:
                found["mirrored"].append(_fill(box, size, mirrored=True))
        for made in dict.fromkeys(sizes):
            if made == size:
                continue
            if "resized" in found and _has_same_shape(size, made):
                found["resized"] += [
                    _fill(box, made, mirrored=mirrored)
                    for mirrored in dict.fromkeys([False, "mirrored" in found])
                ]
            if _may_be_a_piece(size, made):
                if "cropped" in found:
                    found["cropped"] += _lay_into_corners(box, size, made)
                if "cropped-anywhere" in found:
                    found["cropped-anywhere"] += _lay_anywhere(box, size, made)
    return list(dict.fromkeys(each for kind in kinds for each in found[kind]))


def find_inside_of_border(picture: Image.Image) -> tuple[int, int, int, int]:
    """Find the box inside of a border of one colour: left, top, right, bottom in pixels.

    It is the whole picture if there is no border, or if hardly anything lies inside.
    """
    pixels = np.asarray(picture.convert("RGB"), np.int16)
    whole = (0, 0, picture.width, picture.height)
    colour = pixels[0, 0]
    differs = (np.abs(pixels - colour) > PLAIN).any(2)
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    if not len(rows):
        return whole
    left, top = int(columns[0]), int(rows[0])
    right, bottom = int(columns[-1]) + 1, int(rows[-1]) + 1
    box = (
        left if left >= LEAST_BORDER else 0,
        top if top >= LEAST_BORDER else 0,
        right if picture.width - right >= LEAST_BORDER else picture.width,
        bottom if picture.height - bottom >= LEAST_BORDER else picture.height,
    )
    if box[2] - box[0] < LEAST_PART * whole[2] or box[3] - box[1] < LEAST_PART * whole[3]:
        return whole
    return box


def place(picture: Image.Image, placement: Placement) -> Image.Image:
    """Lay a picture into the sampled image, whose unknown rest repeats the part's own edge."""
    size = placement.part_width, placement.part_height
    part = picture.convert("RGB").crop(placement.box)
    if placement.mirrored:
        part = ImageOps.mirror(part)
    if part.size != size:
        part = part.resize(size, Image.Resampling.LANCZOS)
    right = placement.width - placement.left - size[0]
    bottom = placement.height - placement.top - size[1]
    margins = ((placement.top, bottom), (placement.left, right), (0, 0))
    return Image.fromarray(np.pad(np.asarray(part), margins, mode="edge"))


def find_known_elements(placement: Placement, scale: int) -> tuple[slice, slice]:
    """The rows and columns of the latents that show the part, and nothing beside it."""
    return (
        slice(-(-placement.top // scale), (placement.top + placement.part_height) // scale),
        slice(-(-placement.left // scale), (placement.left + placement.part_width) // scale),
    )


def show(sampled: Image.Image, placement: Placement) -> Iterator[Image.Image]:
    """The part as the target would show it: once, or by each way of resizing."""
    left, top = placement.left, placement.top
    part = sampled.crop((left, top, left + placement.part_width, top + placement.part_height))
    if placement.mirrored:
        part = ImageOps.mirror(part)
    if not placement.is_resized:
        yield part
        return
    for resampling in FILTERS:
        yield part.resize(placement.box_size, resampling)


@dataclass(frozen=True)
class Comparison:
    """Compares sampled images with a target that lies in them, or is one of them itself."""

    target: Tensor
    """Pixels of the target: uint8 [3, h, w]."""
    sampled: Tensor
    """The target laid into the sampled image: uint8 [3, h, w]."""
    placements: tuple[Placement, ...] = ()
    """The placements that are possible; none if the target is the sampled image."""
    shown: Tensor | None = None
    """The pixels of the target that are compared, bool [h, w]; None: all."""

    @classmethod
    def make(
        cls, picture: Image.Image, placements: Sequence[Placement], shown: Array | None = None
    ) -> Comparison:
        """Compare with ``picture``, as far as its pixels are ``shown`` [h, w].

        ``placements`` are in sampled images of one size, the likeliest first.
        """
        pixels = _to_tensor(picture)
        sampled = _to_tensor(place(picture, placements[0])) if placements else pixels
        near = [each for placement in placements for each in list_neighbours(placement)]
        mask = None if shown is None else torch.from_numpy(shown)
        return cls(pixels, sampled, tuple(dict.fromkeys(near)), mask)

    def compute_rms(self, pixels: Tensor) -> float:
        """Compute the root mean square difference of a sampled image's pixels, in levels of 255.

        By the placement that comes closest, and where the target was resized, by the way of
        resizing that does.
        """
        if not self.placements:
            height, width = self.target.shape[1:]
            return self._measure(pixels, (0, 0, width, height))
        return min(rms for rms, _ in self._compare(pixels))

    def find_placement(self, pixels: Tensor) -> Placement | None:
        """Find the placement by which a sampled image's pixels come closest to the target."""
        if not self.placements:
            return None
        return min(self._compare(pixels), key=lambda compared: compared[0])[1]

    def _compare(self, pixels: Tensor) -> Iterator[tuple[float, Placement]]:
        sampled = Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())
        for placement in self.placements:
            for part in show(sampled, placement):
                yield self._measure(_to_tensor(part), placement.box), placement

    def _measure(self, pixels: Tensor, box: tuple[int, int, int, int]) -> float:
        left, top, right, bottom = box
        target = self.target[:, top:bottom, left:right]
        difference = (pixels.double() - target.double()).square()
        if self.shown is not None:
            difference = difference[:, self.shown[top:bottom, left:right]]
        return float(difference.mean().sqrt())


def _to_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


def _has_same_shape(size: Size, other: Size) -> bool:
    return abs(size[0] * other[1] / (size[1] * other[0]) - 1) <= SAME_SHAPE


def _lay_anywhere(box: tuple[int, int, int, int], size: Size, made: Size) -> Iterator[Placement]:
    """The part at offsets of which one is within a pixel, along each side, of the right one."""
    first = _fill(box, made).model_copy(
        update={"part_width": size[0], "part_height": size[1], "is_approximate": True}
    )
    columns, rows = (_list_offsets(whole - part) for part, whole in zip(size, made, strict=True))
    for top in rows:
        for left in columns:
            yield first.model_copy(update={"left": left, "top": top})


def _list_offsets(room: int) -> list[int]:
    """Offsets of 0 to ``room`` pixels such that every other one is at most a pixel away."""
    starts = range(0, room + CELL, CELL)
    return list(dict.fromkeys(min(start + each, room) for start in starts for each in OFFSETS))


def list_neighbours(placement: Placement) -> list[Placement]:
    """The placement, and where it is approximate those beside it."""
    if not placement.is_approximate:
        return [placement]
    rooms = (
        placement.width - placement.part_width,
        placement.height - placement.part_height,
    )
    return [
        placement.model_copy(update={"left": left, "top": top, "is_approximate": False})
        for left in range(placement.left - 1, placement.left + 2)
        for top in range(placement.top - 1, placement.top + 2)
        if 0 <= left <= rooms[0] and 0 <= top <= rooms[1]
    ]


def anchor(placement: Placement, scale: int) -> Placement:
    """The same part in the smallest image in which its pixels lie alike in the elements."""
    left, top = placement.left % scale, placement.top % scale
    return placement.model_copy(
        update={
            "left": left,
            "top": top,
            "width": -(-(left + placement.part_width) // scale) * scale,
            "height": -(-(top + placement.part_height) // scale) * scale,
        }
    )


def _may_be_a_piece(size: Size, made: Size) -> bool:
    pairs = zip(size, made, strict=True)
    return size != made and all(LEAST_KEPT * whole <= kept <= whole for kept, whole in pairs)


def _fill(box: tuple[int, int, int, int], made: Size, *, mirrored: bool = False) -> Placement:
    """The part as the whole of the sampled image."""
    width, height = made
    return Placement(
        width=width,
        height=height,
        box=box,
        left=0,
        top=0,
        part_width=width,
        part_height=height,
        mirrored=mirrored,
    )


def _lay_into_corners(
    box: tuple[int, int, int, int], size: Size, made: Size
) -> Iterator[Placement]:
    """The part in the middle and in the corners of the sampled image."""
    right, bottom = made[0] - size[0], made[1] - size[1]
    places = [(right // 2, bottom // 2), (0, 0), (right, 0), (0, bottom), (right, bottom)]
    first = _fill(box, made).model_copy(update={"part_width": size[0], "part_height": size[1]})
    for left, top in dict.fromkeys(places):
        yield first.model_copy(update={"left": left, "top": top})
