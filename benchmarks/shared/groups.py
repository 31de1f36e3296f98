"""Names of the labs' checkpoints and of the groups of their images, as in the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedlab.ground_truth import PictureRecord

MEMORISED, REFERENCE = "lab-memorised", "lab-clean"
"""The checkpoint that learned the planted images, and the one that never saw them."""

EXPOSURES = {f"planted {times} times": times for times in (128, 32, 8)}
"""Groups of planted images: how often an epoch of ``lab-memorised`` shows each of them."""

PLANTED = tuple(EXPOSURES)
HELD_OUT = "held out"
"""Images that no checkpoint saw: controls, and the negatives of every rate."""

NOT_PLANTED = (HELD_OUT, "once", "twins")
"""``once``: both checkpoints saw the image once an epoch. ``twins``: never seen, but the image has
the caption of a planted one."""

GROUP_LABELS = {"once": "seen once"}
"""How pages name a group where they do not use the name in the figures."""


def group_label(group: str) -> str:
    """The name of a group on a page."""
    return GROUP_LABELS.get(group, group)


def _has_exposure(times: int) -> Callable[[PictureRecord], bool]:
    return lambda row: row.multiplicity == times


def _is_in_split(split: str) -> Callable[[PictureRecord], bool]:
    return lambda row: row.split == split


IS_IN_GROUP: dict[str, Callable[[PictureRecord], bool]] = {
    **{group: _has_exposure(times) for group, times in EXPOSURES.items()},
    "once": _is_in_split("once"),
    "twins": _is_in_split("twin"),
    HELD_OUT: _is_in_split("held_out"),
}
"""Whether an image of a lab's truth belongs to a group."""
