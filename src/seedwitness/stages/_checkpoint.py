"""A checkpoint as a stage loads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness import config
from seedwitness.records import Checkpoint, read
from seedwitness.stages import place

if TYPE_CHECKING:
    from seedwitness.checkpoints.loading import Loaded


def loaded_as(checkpoint: str, dtype: str | None = None) -> Loaded:
    """A checkpoint of the settings, which has to be what `identify` found.

    In ``dtype``, where recipes name another than its own: a seed's noise is not the same in each.
    """
    from seedwitness.checkpoints.loading import load

    identified = read(Checkpoint, place("identify", checkpoint) / "checkpoint.json")
    described = config.section(config.Checkpoint, "checkpoints", checkpoint)
    if dtype:
        described = described.model_copy(update={"dtype": dtype})
    return load(checkpoint, described, identified)
