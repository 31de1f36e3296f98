"""The document ``maps/maps.json``: where the closest trial agrees with the target."""

from __future__ import annotations

from seedwitness.records.document import Document


class CopyMap(Document):
    """``maps/maps.json``: where the closest trial agrees with the target."""

    trial: str
    alignment: str
    """The alignment of the target with the trial."""
    tiles_close: int
    """Tiles whose root-mean-square difference is at most ``close``."""
    tiles: int
    close: float
    metric: str
    """The descriptor that compared windows; empty if there was none."""
    label: str
    windows: list[float]
    """Scores of the windows, row by row from the top left."""
    ending_steps: int | None
    """DDIM steps from the trial's noise; the attention to the end token was read after the last.
    None if the checkpoint has no cross-attention."""
