"""Documents of the stages that come before a finding; what is in them and what they are called."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document

BLIND = "sweep"
"""The strategy whose seeds are chosen by no result: a fair sample of what the checkpoint gives."""

Source = Literal["corpus", "metadata", "user", "recovered"]


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


class Information(Document):
    """How much there is in a picture to recognise it by, measured at 128 pixels at most."""

    bits_per_pixel: float
    """Bits of its lossless WebP or PNG, whichever is less, beyond those of a single colour."""
    deviation: float
    """Standard deviation of its grey levels, in [0, 0.5]."""
    busy_tiles: float
    """Share of 8 × 8 tiles whose grey levels deviate by more than 2 of 255."""
    patch_contrast: float
    """By patch-L2, how far a sheet of its mean colour is from it, in [0, 1]."""


class Target(Document):
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
    information: Information


class Component(Document):
    """One part of a checkpoint: its files by name, each with its SHA-256."""

    name: str
    parameters: int
    files: dict[str, str]


class Checkpoint(Document):
    """``checkpoint.json``: a checkpoint by what is in it, not by where it lies."""

    name: str
    family: str
    sha256: str
    """Digest of all components' hashes."""
    components: list[Component]
    latent_channels: int
    latent_scale: int
    """Pixels a side of one latent element."""
    width: int
    height: int
    prompt_limit: int
    prediction_type: str
    dtype: str


class Corpus(Document):
    """``corpus.json``: what was indexed, by which model, and what the index finds again."""

    source: str
    rows: int
    sha256: str
    """Digest of all pixels' hashes and captions, in order."""
    model: str
    model_sha256: str
    model_label: str
    index: str
    recall_at_1: float
    recall_n: int
    recall_what: str = ""
    """What was asked for, and what counted as found."""
    pictures: dict[str, str] = Field(default_factory=dict)


class Recovery(Document):
    """``recover.json``: which methods were asked with what, and what was left out."""

    methods: dict[str, int]
    """Every method that was asked, and how many candidates it gave."""
    model: str
    model_sha256: str
    model_label: str
    token_limit: int
    """Of the model's text encoder, begin and end included; it reads no further in longer texts."""
    vocabulary: int
    code: str
    """What the bits of a prompt are counted by."""
    phrases: str = ""
    """Where the phrases came from."""
    phrases_ranked: int = 0
    phrases_too_long: int = 0
    """Phrases left out because the text encoder cannot read them to their end."""


class Query(Document):
    """``query.json``: how the corpus was asked, in full."""

    corpus_sha256: str
    model: str
    neighbours: int
    prompts: list[str]
    near_duplicate: float
    filters: list[str] = Field(default_factory=list)
    """Nothing is filtered, deduplicated or weighted; a filter would be named here."""


class Level(Document):
    """A level of subset simulation: how many of its trials are within a distance."""

    distance: float
    share: float
    trials: int
    worth: float
    """Independent trials that tell as much: along a walk they are alike."""


class Rare(Document):
    """How rarely a blind seed comes within a distance of the target, by the guide."""

    near: float
    probability: float
    """0 where no trial came that near; ``high`` bounds it also then."""
    low: float
    high: float
    levels: list[Level]


class Steered(Document):
    """A candidate prompt, a detector's value of it, and whether it shares the budget."""

    prompt: str
    value: float
    kept: bool


class Search(Document):
    """``search.json``: what was searched under which budget, and why it stopped."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    strategy: str
    guide: str
    fitting: str = ""
    """What the guide did to the target to compare it, in words."""
    budget_nfe: int
    nfe: int
    trials: int
    prompts: list[str]
    stopped: str
    ended: Literal["budget", "copies", "futile"]
    """Why, in a word: its strategy was done, or it saw copies enough, or none in so many trials."""
    best_trial: str
    best_guide: float
    ledger: str
    rare: Rare | None = None
    steered: list[Steered] = Field(default_factory=list)
    """Every candidate that a detector was asked of, where one decided which share the budget."""

    @property
    def blind(self) -> bool:
        """Whether no trial was chosen by what came of another."""
        return self.strategy == BLIND


class CopyMap(Document):
    """``maps/maps.json``: where the closest trial agrees with the target."""

    trial: str
    alignment: str
    """The position in which the target was laid over it."""
    tiles_close: int
    """Tiles whose root-mean-square difference is at most ``close``."""
    tiles: int
    close: float
    metric: str
    """The descriptor that compared windows; empty where none was asked for."""
    label: str
    windows: list[float]
    """Its scores, row by row from the top left."""
    ending: str
    """How attention to the prompt's end was looked at; empty where the checkpoint has none."""


class Replay(Document):
    """``replay.json``: a case's recipes on the reference checkpoint, or why there are none."""

    target: str
    checkpoint: str
    reference: str
    reference_sha256: str
    guide: str
    trials: int
    nfe: int
    note: str
