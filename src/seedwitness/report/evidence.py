"""``evidence.json``: all that a report rests on, typed; ``docs/evidence-schema.md`` explains it."""

from __future__ import annotations

import shlex
from typing import Literal

from seedwitness.records.attempts import Attempt
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.corpus import CorpusRecord, LookupQuery
from seedwitness.records.document import Document
from seedwitness.records.findings import GeneratedFinding, MemorisedFinding
from seedwitness.records.pass_phrase import CodedFile, PassPhrase
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.rates import Rate
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import ReplaySummary, SearchSummary
from seedwitness.records.target import TargetRecord
from seedwitness.report.provenance import Environment, Input, Protocol

SCHEMA_VERSION = "4.0"
TRIALS, REFERENCE, CONTROLS = "trials", "reference", "controls"
LEARNED = "learned"


class Score(Document):
    """One picture by one metric, and what the same recipe gave on the reference checkpoint."""

    metric: str
    label: str
    higher_is_closer: bool
    alignment: str
    """The position of the target in which it is closest."""
    score: float
    reference_score: float | None


class Cited(Document):
    """One trial that the report shows, with all that is needed to run it again."""

    trial: str
    why: list[str]
    recipe: Recipe
    nfe: int
    prompt_rank: int
    prompt_source: str
    noise_sha256: str
    latent_sha256: str
    latent_distance: float
    scores: list[Score]
    image: str | None
    image_sha256: str | None
    reference_image: str | None
    """What the reference checkpoint made of the same recipe."""
    command: str


class Prompt(Document):
    """A candidate prompt and where it comes from."""

    rank: int
    text: str
    source: str
    method: str
    score: float | None
    tokens: int
    bits: float | None


class Searched(Document):
    """A prompt that shared the budget, and how close its trials came."""

    prompt: Prompt
    trials: int
    closest: float | None


class Match(Document):
    """A lookup hit."""

    rank: int
    modality: str
    query: str
    similarity: float
    phash_distance: int
    pdq_distance: int
    pdq_quality: int
    caption: str
    location: str
    corpus_id: str
    duplicates: int
    caption_score: float | None
    caption_tokens: int
    caption_bits: float | None
    image: str | None


class Lookup(Document):
    """Which corpus was asked, and how."""

    corpus: CorpusRecord
    query: LookupQuery


class Group(Document):
    """Scores by one metric of this case's trials, of the reference's, or of the controls."""

    what: Literal["trials", "reference", "controls"]
    n: int
    closest: float
    lower_quartile: float
    median: float
    upper_quartile: float
    farthest: float


class Distribution(Document):
    """How the scores by one metric are spread. A control counts once, by its closest trial."""

    metric: str
    version: str
    label: str
    weights_sha256: str
    higher_is_closer: bool
    groups: list[Group]


class Spent(Document):
    """The closest so far after so many trials, beside what the controls had come to by then."""

    trials: int
    nfe: int
    closest: float
    controls_median: float | None
    controls_closest: float | None
    controls_farthest: float | None


class Recovered(Document):
    """The picture of the seed that was recovered, and how to make it again."""

    image: str
    image_sha256: str
    command: str


class Rung(Document):
    """A rung of the reachability ladder: the closest that was reached, and by controls."""

    rung: str
    strength: float
    prompt: str
    seeds: int
    score: float
    controls: int
    controls_closest: float | None
    controls_median: float | None
    controls_as_close: int
    image: str


class Reach(Document):
    """How near the checkpoint comes to the target when it is shown it, rung by rung."""

    metric: str
    label: str
    higher_is_closer: bool
    prompt: str
    rungs: list[Rung]


class Detected(Document):
    """A published detector's value, and those of controls; higher is more memorised.

    ``value`` is None where it says "not at all" without a number.
    """

    detector: str
    source: str
    needs: Literal["prompt", "picture"]
    prompt: str
    seeds: int
    value: float | None
    nfe: int
    backward: int
    controls: int
    controls_highest: float | None
    controls_median: float | None
    controls_as_high: int
    share: float
    """Of target and controls together that are as high; no test."""


class Front(Document):
    """Of each image codec the files of the target that no smaller one is as near as."""

    metric: str
    label: str
    higher_is_closer: bool
    files: list[CodedFile]


class Agreement(Document):
    """Where the closest trial agrees with the target, and pictures of that by what they show."""

    map: CopyMap
    images: dict[str, str]


class CaseEvidence(Document):
    """One target against one checkpoint."""

    checkpoint: str
    checkpoint_sha256: str
    memorised: MemorisedFinding
    generated: GeneratedFinding
    phrase: PassPhrase
    codecs: list[Front]
    """By each of the phrase's distortions."""
    identity: CheckpointIdentity
    search: SearchSummary
    replay: ReplaySummary
    prompts: list[Searched]
    distributions: list[Distribution]
    budget: list[Spent]
    controls_copied: Rate | None
    cited: list[Cited]
    agreement: Agreement
    recovered: Recovered | None
    reach: Reach | None
    detectors: list[Detected]


class Evidence(Document):
    """``evidence.json``."""

    schema_version: str
    target: TargetRecord
    image: str
    cases: list[CaseEvidence]
    prompts: list[Prompt]
    recovery: PromptRecovery
    lookup: Lookup
    matches: list[Match]
    protocol: Protocol
    attempts: list[Attempt]
    """Other executions on the same pixels: other stated prompts, checkpoints or plans."""
    environment: Environment
    inputs: list[Input]


def command(target: str, checkpoint: str, trial: str) -> str:
    """What to type in the project's root to make a cited image again."""
    evidence = f"reports/{target}/evidence.json"
    named = ["--checkpoint", checkpoint, "--trial", trial]
    return shlex.join(["seedwitness", "render", evidence, *named])
