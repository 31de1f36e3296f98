"""``checkpoint.json``: a checkpoint by its content."""

from __future__ import annotations

from seedwitness.records.document import Document


class CheckpointComponent(Document):
    """One part of a checkpoint: its files by name, each with its SHA-256."""

    name: str
    parameters: int
    files: dict[str, str]


class CheckpointIdentity(Document):
    """``checkpoint.json``: a checkpoint by what is in it, not by where it lies."""

    name: str
    family: str
    sha256: str
    """Digest of all components' hashes."""
    components: list[CheckpointComponent]
    latent_channels: int
    latent_scale: int
    """Pixels a side of one latent element."""
    width: int
    height: int
    prompt_limit: int
    prediction_type: str
    dtype: str
