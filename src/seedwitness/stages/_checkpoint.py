"""A checkpoint as a stage loads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.stages import output_path

if TYPE_CHECKING:
    from seedwitness.checkpoints.loading import LoadedCheckpoint


def loaded_as(checkpoint: str, dtype: str | None = None) -> LoadedCheckpoint:
    """A checkpoint of the settings, which has to be what `identify` found.

    In ``dtype``, where recipes name another than its own: a seed's noise is not the same in each.
    """
    from seedwitness.checkpoints.loading import load_checkpoint

    identified = read_document(
        CheckpointIdentity, output_path("identify", checkpoint) / "checkpoint.json"
    )
    described = load_section(CheckpointSettings, "checkpoints", checkpoint)
    if dtype:
        described = described.model_copy(update={"dtype": dtype})
    return load_checkpoint(checkpoint, described, identified)
