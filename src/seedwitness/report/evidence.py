"""``evidence.json``: all that a report rests on, typed; ``docs/evidence-schema.md`` explains it."""

from __future__ import annotations

import shlex

from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.document import Document
from seedwitness.records.findings import FileOrigin
from seedwitness.records.pass_phrase import CodedFile, PassPhrase
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.rates import Rate
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import ReplaySummary
from seedwitness.records.target import TargetRecord
from seedwitness.records.work import WorkEvidence
from seedwitness.report.class_rates import ClassRate
from seedwitness.report.figure_evidence import (
    BudgetPoint,
    DetectorResult,
    Distribution,
    ReachabilityLadder,
    Validation,
)
from seedwitness.report.finding_evidence import (
    ExposedEvidence,
    GeneratedEvidence,
    MemorisedEvidence,
    SearchEvidence,
    WordedReason,
)
from seedwitness.report.prompt_evidence import Lookup, Match, Prompt, SearchedPrompt
from seedwitness.report.provenance import (
    AnalysisPlan,
    AttemptEvidence,
    Environment,
    InputFile,
    TableFile,
)

SCHEMA_VERSION = "7.0"


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
    is_copy: bool
    is_reference_copy: bool | None
    """Whether what the reference made is a copy; None where it made nothing."""
    scores: list[Score]
    image: str | None
    image_sha256: str | None
    reference_image: str | None
    """What the reference checkpoint made from the same recipe."""
    command: str


class ClosestControl(Document):
    """The control that came back closest by the statistic, and the trial that did.

    ``image`` is the control itself and ``regeneration`` its closest trial; None if not kept.
    """

    control: str
    pixels_sha256: str
    caption: str
    trial: str
    score: float
    is_copy: bool | None
    """By all criteria; None where the controls were not scored by all of them."""
    image: str | None
    regeneration: str | None


class RecoveredImage(Document):
    """The image of the seed that was recovered, and how to make it again."""

    image: str
    image_sha256: str
    command: str


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
    origin: FileOrigin
    memorised: MemorisedEvidence
    generated: GeneratedEvidence
    exposed: ExposedEvidence | None
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
    closest_control: ClosestControl | None
    cited: list[CitedTrial]
    agreement: Agreement
    recovered: RecoveredImage | None
    reach: ReachabilityLadder | None
    prompt_classes: list[ClassRate]
    detectors: list[DetectorResult]
    tables: list[TableFile]
    """Every trial of target, reference and controls, with seeds, hashes and scores."""


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
    validation: Validation
    attempt: AttemptEvidence
    work: WorkEvidence
    environment: Environment
    inputs: list[InputFile]


def format_command(target: str, checkpoint: str, trial: str) -> str:
    """The command that makes a cited image again, to be typed in the project's root."""
    evidence = f"reports/{target}/evidence.json"
    named = ["--checkpoint", checkpoint, "--trial", trial]
    return shlex.join(["seedwitness", "render", evidence, *named])
