"""What a checkpoint is, by what is in its files: ``data/identify/CHECKPOINT/checkpoint.json``."""

from __future__ import annotations

from seedwitness import config
from seedwitness.checkpoints.identity import identify
from seedwitness.stages import place


def run(checkpoint: str) -> None:
    """Hash a checkpoint's files and read their headers; no weights are loaded."""
    settings = config.section(config.Checkpoint, "checkpoints", checkpoint)
    identify(checkpoint, settings).write(place("identify", checkpoint) / "checkpoint.json")
