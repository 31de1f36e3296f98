"""``evidence.json``: all that a report rests on, typed; ``docs/evidence-schema.md`` explains it."""

from __future__ import annotations

import shlex
from typing import Literal

from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.corpus import CorpusRecord, LookupQuery
from seedwitness.records.document import Document
from seedwitness.records.pass_phrase import CodedFile, PassPhrase
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.rates import Rate
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import ReplaySummary
from seedwitness.records.target import TargetRecord
from seedwitness.report.finding_evidence import (
    GeneratedEvidence,
    MemorisedEvidence,
    SearchEvidence,
    WordedReason,
)
from seedwitness.report.provenance import AnalysisPlan, AttemptEvidence, Environment, InputFile

SCHEMA_VERSION = "6.1"
TRIALS, REFERENCE, CONTROLS = "trials", "reference", "controls"
LEARNED = "learned"


class Score(Document):
    """One image by one metric, and the score of the same recipe on the reference checkpoint."""

    metric: str
    label: str
    higher_is_closer: bool
    alignment: str
    """The alignment of the target at which the image is closest."""
    score: float
    reference_score: float | None


class CitedTrial(Document):
    """One trial that the report shows, with all that is needed to run it again."""

    trial: str
    why: list[WordedReason]
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
    """What the reference checkpoint made from the same recipe."""
    command: str


class Prompt(Document):
    """A prompt candidate and where it comes from."""

    rank: int
    text: str
    source: str
    method: str
    score: float | None
    tokens: int
    bits: float | None


class SearchedPrompt(Document):
    """A prompt that shared the budget, and how close its trials came."""

    prompt: Prompt
    trials: int
    closest: float | None


class Match(Document):
    """A match in the corpus."""

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
    """Which corpus was searched, and how."""

    corpus: CorpusRecord
    query: LookupQuery


class ScoreGroup(Document):
    """Scores by one metric of this case's trials, of the reference's, or of the controls."""

    what: Literal["trials", "reference", "controls"]
    n: int
    closest: float
    lower_quartile: float
    median: float
    upper_quartile: float
    farthest: float


class Distribution(Document):
    """The distribution of the scores by one metric. A control counts once, by its closest trial."""

    metric: str
    version: str
    label: str
    weights_sha256: str
    higher_is_closer: bool
    groups: list[ScoreGroup]


class BudgetPoint(Document):
    """The closest score after a number of trials, and the controls' after as many."""

    trials: int
    nfe: int
    closest: float
    controls_median: float | None
    controls_closest: float | None
    controls_farthest: float | None


class RecoveredImage(Document):
    """The image of the seed that was recovered, and how to make it again."""

    image: str
    image_sha256: str
    command: str


class Rung(Document):
    """A rung of the reachability ladder: the closest score of the target, and of the controls."""

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


class ReachabilityLadder(Document):
    """How close the checkpoint comes when it starts from the target, rung by rung."""

    metric: str
    label: str
    higher_is_closer: bool
    prompt: str
    rungs: list[Rung]


class DetectorResult(Document):
    """A published detector's value, and those of controls; higher is more memorised.

    ``value`` is None where the detector says "not at all" without a number.
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


class BestFiles(Document):
    """For each image codec, the files of the target that no smaller one is as close as."""

    metric: str
    label: str
    higher_is_closer: bool
    files: list[CodedFile]


class Agreement(Document):
    """Where the closest trial agrees with the target, and images of that by what they show."""

    map: CopyMap
    images: dict[str, str]


class CaseEvidence(Document):
    """One target against one checkpoint."""

    checkpoint: str
    checkpoint_sha256: str
    memorised: MemorisedEvidence
    generated: GeneratedEvidence
    pass_phrase: PassPhrase
    codecs: list[BestFiles]
    """By each metric of the pass phrase's comparisons."""
    identity: CheckpointIdentity
    search: SearchEvidence
    replay: ReplaySummary
    prompts: list[SearchedPrompt]
    distributions: list[Distribution]
    budget: list[BudgetPoint]
    controls_copied: Rate | None
    cited: list[CitedTrial]
    agreement: Agreement
    recovered: RecoveredImage | None
    reach: ReachabilityLadder | None
    detectors: list[DetectorResult]


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
    plan: AnalysisPlan
    attempt: AttemptEvidence
    environment: Environment
    inputs: list[InputFile]


def format_command(target: str, checkpoint: str, trial: str) -> str:
    """The command that makes a cited image again, to be typed in the project's root."""
    evidence = f"reports/{target}/evidence.json"
    named = ["--checkpoint", checkpoint, "--trial", trial]
    return shlex.join(["seedwitness", "render", evidence, *named])
