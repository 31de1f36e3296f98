"""``bundle.json``: what a bundle is about, what was left out of it, and checkpoints by hash."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document


class LeftOut(Document):
    """A file that the bundle does not hold, and its hash."""

    path: str
    sha256: str
    bytes: int
    why: Literal["picture", "latent", "page-with-pictures"]


class WeightsFile(Document):
    """A file of a checkpoint by the hashes that people and sites name it by.

    ``autov2`` are the first ten digits of ``sha256``. ``autov3`` and ``tensors`` are empty where
    the file was not at hand, or is no safetensors file.
    """

    name: str
    sha256: str
    autov2: str
    autov3: str = ""
    """The first twelve digits of the SHA-256 of all that follows a safetensors file's header."""
    tensors: str = ""
    """A digest of names, types, shapes and values, which survives that the file is saved again."""


class CheckpointHashes(Document):
    """A checkpoint by its hashes; ``signatures`` are its files of OpenSSF model signing."""

    name: str
    sha256: str
    """The digest of its components, as in ``checkpoint.json``."""
    files: list[WeightsFile]
    signatures: list[str]


class StageTime(Document):
    """When a stage had ended: the newest modification time of its outputs, where they were made."""

    stage: str
    ended: str


class BundleRecord(Document):
    """``bundle.json``."""

    format: str
    target: str
    made: str
    """UTC, by the clock of the machine."""
    version: str
    """Of seedwitness."""
    revision: str
    """The commit of Git that was checked out; empty without one."""
    is_redacted: bool
    left_out: list[LeftOut]
    not_at_hand: list[str]
    """What a bundle has and this one has not, because it was not on the machine; in words."""
    checkpoints: list[CheckpointHashes]
    corpus_sha256: str
    plan_sha256: str
    stage_times: list[StageTime]
    hidden: list[str]
    """Settings whose passwords were hidden."""
