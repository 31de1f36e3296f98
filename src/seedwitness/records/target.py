"""``target.json``: one image under examination, and what its file says of itself."""

from __future__ import annotations

from pydantic import Field

from seedwitness.records.document import Document


class Claim(Document):
    """What a file's metadata says of how it was made. Trivially forged: a claim, no evidence."""

    tool: str
    prompt: str | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    model: str | None = None
    model_hash: str | None = None
    others: dict[str, str] = Field(default_factory=dict)


class InformationContent(Document):
    """How much there is in a picture to recognise it by, measured at 128 pixels at most."""

    bits_per_pixel: float
    """Bits of its lossless WebP or PNG, whichever is less, beyond those of a single colour."""
    deviation: float
    """Standard deviation of its grey levels, in [0, 0.5]."""
    busy_tiles: float
    """Share of 8 × 8 tiles whose grey levels deviate by more than 2 of 255."""
    patch_contrast: float
    """By patch-L2, how far a sheet of its mean colour is from it, in [0, 1]."""


class TargetRecord(Document):
    """``target.json``: one image under examination, as it came and as it was made ready."""

    name: str
    file_name: str
    file_sha256: str
    file_bytes: int
    pixels_sha256: str
    pdq: str
    """Its PDQ hash, 64 hexadecimal digits: alike however the picture is saved."""
    pdq_quality: int
    """From 0 to 100, how much there was to hash."""
    thumbnail: str
    """8 × 8 pixels, RGB, in hexadecimal: PDQ reads no colour."""
    width: int
    height: int
    format: str
    mode: str
    frames: int
    changes: list[str]
    """What was done to it on the way to upright 8-bit RGB, in words."""
    exif: dict[str, str]
    claims: list[Claim]
    unread: list[str]
    """What of the metadata could not be read, and why."""
    information: InformationContent
