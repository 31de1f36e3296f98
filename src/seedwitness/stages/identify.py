"""Identify a checkpoint by its files: ``data/identify/CHECKPOINT/checkpoint.json``."""

from __future__ import annotations

from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.stages import output_path


def run(checkpoint: str) -> None:
    """Hash a checkpoint's files and read their headers; no weights are loaded."""
    settings = load_section(CheckpointSettings, "checkpoints", checkpoint)
    identity = identify_checkpoint(checkpoint, settings)
    identity.write(output_path("identify", checkpoint) / "checkpoint.json")
