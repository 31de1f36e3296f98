"""Documents: JSON files, typed; what is in them and what they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from seedwitness.errors import RecordError
from seedwitness.files import write_whole

Finding = Literal["supported", "not supported", "inconclusive", "not searched"]
Source = Literal["corpus", "metadata", "user", "recovered"]


class Document(BaseModel):
    """A JSON file; unknown keys are refused, so that a file of another version is not misread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def write(self, path: Path) -> None:
        """Write the document, whole, keys in the order of the class."""
        write_whole(path, self.model_dump_json(indent=1) + "\n")


D = TypeVar("D", bound=Document)


def read(kind: type[D], path: Path) -> D:
    """A document from its file. Raises RecordError where it is missing or of another kind."""
    if not path.exists():
        raise RecordError(f"{path} is missing. `dvc repro` runs the stage that writes it.")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"{path} is no {kind.__name__} of this version: `{where}`: {first['msg']}. "
            "Run its stage again: `dvc repro -s -f STAGE`."
        ) from error


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
    others: dict[str, str] = {}


class Information(Document):
    """How much there is in a picture to recognise it by, measured at 128 pixels at most."""

    bits_per_pixel: float
    """Bits of its lossless WebP or PNG, whichever is less, beyond those of a single colour."""
    deviation: float
    """Standard deviation of its grey levels, in [0, 0.5]."""
    busy_tiles: float
    """Share of 8 × 8 tiles whose grey levels deviate by more than 2 of 255."""


class Target(Document):
    """``target.json``: one image under examination, as it came and as it was made ready."""

    name: str
    file_name: str
    file_sha256: str
    file_bytes: int
    pixels_sha256: str
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
    pictures: dict[str, str] = {}


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
    code: str = "uniform: tokens, begin and end included, times log2 of the vocabulary's size"
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
    filters: list[str] = []
    """Nothing is filtered, deduplicated or weighted; a filter would be named here."""


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
    best_trial: str
    best_guide: float
    ledger: str


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


class Rate(Document):
    """A rate with the interval of Clopper and Pearson."""

    hits: int
    n: int
    low: float
    high: float
    what: str


class Statistic(Document):
    """The figure by which a case is ranked among its controls."""

    metric: str
    version: str
    label: str
    weights_sha256: str
    higher_is_closer: bool
    value: float
    selection: str


class Rank(Document):
    """Rank among controls: p = (1 + controls at least as close) / (1 + controls)."""

    at_least_as_close: int
    controls: int
    p: float
    resolution: float
    alpha: float
    left_out: list[str] = []


class Paired(Document):
    """The same recipes on the reference checkpoint, trial by trial."""

    checkpoint: str
    checkpoint_sha256: str
    n: int
    difference: float
    low: float
    high: float
    p: float
    what: str


class Criterion(Document):
    """From where on a metric says "copy", and who says so."""

    metric: str
    threshold: float
    higher_is_closer: bool
    source: str


class Copies(Document):
    """How many trials are copies: those that meet every criterion."""

    criteria: list[Criterion]
    rate: Rate
    best_trial: str | None
    """The closest copy by the statistic's metric."""
    reference_rate: Rate | None


class Memorised(Document):
    """Was the target learned, so that text alone brings it back?"""

    finding: Finding
    reasons: list[str]
    limits: list[str]
    statistic: Statistic | None = None
    rank: Rank | None = None
    copies: Copies | None = None
    reference: Paired | None = None
    prompt_bits: float | None = None


class Generated(Document):
    """Is the target itself an output of the checkpoint?"""

    finding: Finding
    reasons: list[str]


class Case(Document):
    """``finding.json``: what is concluded for one target against one checkpoint."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    memorised: Memorised
    generated: Generated
