"""The error for a checkpoint that cannot be used."""

from __future__ import annotations

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError


def make_checkpoint_error(settings: CheckpointSettings, problem: str) -> CheckpointError:
    """Make the error for a checkpoint that cannot be used, with the command that fetches it."""
    remedy = f"Fetch it: {settings.fetch}" if settings.fetch else "Correct its `path` in conf/."
    return CheckpointError(f"{problem} {remedy}")
