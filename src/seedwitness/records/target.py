"""The document ``target.json``: a target, its metadata and its information content."""

from __future__ import annotations

from pydantic import Field

from seedwitness.records.document import Document


class Claim(Document):
    """How a file was made, by its own metadata. Easily forged, so it is a claim and no evidence."""

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
    """The information content of an image, measured at 128 pixels at most."""

    bits_per_pixel: float
    """Bits of its lossless WebP or PNG, whichever is smaller, beyond those of a single colour."""
    deviation: float
    """Standard deviation of its grey levels, in [0, 0.5]."""
    busy_tiles: float
    """Share of 8 × 8 tiles whose grey levels deviate by more than 2 of 255."""
    patch_contrast: float
    """Patch-L2 distance between the image and its mean colour, in [0, 1]."""


class TargetRecord(Document):
    """``target.json``: a target, as its file is and as it was prepared."""

    name: str
    file_name: str
    file_sha256: str
    file_bytes: int
    pixels_sha256: str
    pdq: str
    """Its PDQ hash, 64 hexadecimal digits: similar however the image is saved."""
    pdq_quality: int
    """The quality of the PDQ hash, from 0 to 100."""
    thumbnail: str
    """8 × 8 RGB pixels in hexadecimal, because PDQ ignores colour."""
    width: int
    height: int
    format: str
    mode: str
    frames: int
    changes: list[str]
    """The conversions to upright 8-bit RGB, in words."""
    exif: dict[str, str]
    claims: list[Claim]
    unread: list[str]
    """Metadata that could not be read, with reasons."""
    information: InformationContent
