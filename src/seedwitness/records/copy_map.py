"""``maps/maps.json``: where the closest trial agrees with the target."""

from __future__ import annotations

from seedwitness.records.document import Document


class CopyMap(Document):
    """``maps/maps.json``: where the closest trial agrees with the target."""

    trial: str
    alignment: str
    """The position in which the target was laid over it."""
    tiles_close: int
    """Tiles whose root-mean-square difference is at most ``close``."""
    tiles: int
    close: float
    metric: str
    """The descriptor that compared windows; empty where none was asked for."""
    label: str
    windows: list[float]
    """Its scores, row by row from the top left."""
    ending_steps: int | None
    """Steps of DDIM, from the trial's noise, after whose last the attention to the prompt's end was
    read; None where the checkpoint has no cross-attention."""
