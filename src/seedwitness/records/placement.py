"""How a target lies in the image that was sampled, where the two are not the same."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document

PlacementKind = Literal["mirrored", "bordered", "resized", "cropped", "cropped-anywhere"]
"""What may have been done to a sampled image before it became the target. ``cropped`` is to its
middle or into a corner."""


class Placement(Document):
    """A cropped, mirrored, resized or bordered target, laid into an image of another size.

    Lengths are in pixels.
    """

    width: int
    """Width of the sampled image."""
    height: int
    box: tuple[int, int, int, int]
    """The part of the target that is compared, without a border: left, top, right, bottom."""
    left: int
    """Where this part begins in the sampled image."""
    top: int
    part_width: int
    """The width of this part in the sampled image; another than that of the box if it was
    resized."""
    part_height: int
    mirrored: bool = False
    is_approximate: bool = False
    """Whether ``left`` and ``top`` may be off by a pixel, because not every offset is tried."""

    @property
    def box_size(self) -> tuple[int, int]:
        """Width and height of the part in the target."""
        left, top, right, bottom = self.box
        return right - left, bottom - top

    @property
    def is_resized(self) -> bool:
        """Whether the part has another size in the target than in the sampled image."""
        return self.box_size != (self.part_width, self.part_height)

    @property
    def is_cropped(self) -> bool:
        """Whether the part is only a piece of the sampled image."""
        return (self.part_width, self.part_height) != (self.width, self.height)
