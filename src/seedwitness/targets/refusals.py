"""Which images hold too little to be recognised: of a target nothing is concluded, and no control
is used, so that the two stay alike."""

from __future__ import annotations

from collections.abc import Sequence

from seedwitness.config.steps import PrepareSettings
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.records.target import InformationContent

BLANK_METRIC = "patch-l2"
"""The only metric by which the distance of a blank sheet is measured."""


def find_low_information(information: InformationContent, limits: PrepareSettings) -> list[Reason]:
    """Why nothing can be concluded of an image with so little content; empty if it has enough.

    Each minimum is raised by the share ``limits.margin``: measures differ a little with the way in
    which a picture was saved or scaled.
    """
    measures = {
        "bits_per_pixel": (information.bits_per_pixel, limits.min_bits_per_pixel),
        "deviation": (information.deviation, limits.min_deviation),
        "busy_tiles": (information.busy_tiles, limits.min_busy_tiles),
    }
    return [
        Reason(code="target-flat", values={"measure": name, "value": value, "minimum": minimum})
        for name, (value, limit) in measures.items()
        if value < (minimum := limit * (1 + limits.margin))
    ]


def find_blank_copy(
    information: InformationContent, thresholds: Sequence[tuple[str, float]], margin: float
) -> list[Reason]:
    """Whether a sheet of one colour would be a copy of an image, or nearly, as far as is measured.

    ``thresholds`` are those of the copy criteria, by metric; where another metric than patch-L2 is
    among them, nothing is known. The threshold is raised by the share ``margin``.
    """
    if {metric for metric, _ in thresholds} != {BLANK_METRIC}:
        return []
    threshold = min(value for _, value in thresholds) * (1 + margin)
    if information.patch_contrast > threshold:
        return []
    values: ReasonValues = {"contrast": information.patch_contrast, "threshold": threshold}
    return [Reason(code="blank-sheet-is-copy", values=values)]
