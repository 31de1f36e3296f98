"""What `identify` recorded of a checkpoint."""

from __future__ import annotations

from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.stages import output_path


def load_identity(checkpoint: str) -> CheckpointIdentity:
    """What `identify` found a checkpoint to be."""
    return read_document(
        CheckpointIdentity, output_path("identify", checkpoint) / "checkpoint.json"
    )
