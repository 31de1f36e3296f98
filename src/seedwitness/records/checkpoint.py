"""The document ``checkpoint.json``: the identity of a checkpoint by its content."""

from __future__ import annotations

from seedwitness.records.document import Document


class CheckpointComponent(Document):
    """One component of a checkpoint, with the SHA-256 of its files by name."""

    name: str
    parameters: int
    files: dict[str, str]


class CheckpointIdentity(Document):
    """``checkpoint.json``: the identity of a checkpoint by its content, not by its path."""

    name: str
    family: str
    sha256: str
    """Digest of the hashes of all components."""
    components: list[CheckpointComponent]
    latent_channels: int
    latent_scale: int
    """Pixels along each side of one latent element."""
    width: int
    height: int
    prompt_limit: int
    prediction_type: str
    dtype: str
