"""The document ``target.json``: a target, its metadata and its information content."""

from __future__ import annotations

from pydantic import Field

from seedwitness.records.document import Document


class ClaimedVariation(Document):
    """A variation seed, whose noise is mixed into that of the claim's seed."""

    seed: int
    strength: float


class ClaimedLora(Document):
    """An adapter (LoRA) that is named with the checkpoint."""

    name: str
    weight: float | None = None
    hash: str | None = None


class Claim(Document):
    """How a file was made, by its own metadata. Easily forged, so it is a claim and no evidence."""

    tool: str
    prompt: str | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    variations: list[ClaimedVariation] = Field(default_factory=list)
    """Variation seeds in the order in which they are mixed in."""
    sampler: str | None = None
    schedule: str | None = None
    """How the noise levels are spaced, such as Karras."""
    steps: int | None = None
    guidance: float | None = None
    denoise: float | None = None
    """The share of the noise that is added to a given image or latent; 1 or None: all of it."""
    width: int | None = None
    height: int | None = None
    seed_resize_width: int | None = None
    seed_resize_height: int | None = None
    batch_size: int | None = None
    batch_index: int | None = None
    """The number of the picture in its batch, from 0."""
    rng: str | None = None
    """Where the noise is drawn, as the tool writes it, such as CPU or NV."""
    step_seed_offset: int | None = None
    """AUTOMATIC1111's ENSD: what is added to the seed for the noise after steps."""
    clip_skip: int | None = None
    """The text encoder's layer, counted from the last, 1, as most tools count."""
    model: str | None = None
    model_hash: str | None = None
    vae: str | None = None
    vae_hash: str | None = None
    loras: list[ClaimedLora] = Field(default_factory=list)
    digital_source_type: str | None = None
    """The IPTC term for how a picture came to be, such as trainedAlgorithmicMedia."""
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


class ContentCredentials(Document):
    """The C2PA manifest of a file: what it states and whether its signature holds."""

    state: str
    """Trusted, Valid or Invalid: by the validator of c2pa-python, with no network."""
    claim_generator: str | None = None
    """The program that claims to have made the manifest."""
    issuer: str | None = None
    """Who issued the certificate that signed it."""
    time: str | None = None
    """When it was signed, as it states."""
    actions: list[str] = Field(default_factory=list)
    """What was done to the picture, such as c2pa.created."""
    failures: list[str] = Field(default_factory=list)
    """Codes of the checks that failed; empty unless the state is Invalid."""


class Provenance(Document):
    """A dated source that shows the image, as somebody states it."""

    date: str
    """By ISO 8601."""
    source: str


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
    xmp: dict[str, str] = Field(default_factory=dict)
    iptc: dict[str, str] = Field(default_factory=dict)
    content_credentials: ContentCredentials | None = None
    claims: list[Claim]
    unread: list[str]
    """Metadata that could not be read, with reasons."""
    information: InformationContent
    provenance: Provenance | None = None
    """As it is stated; a claim."""
