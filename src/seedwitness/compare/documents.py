"""``compare.json``: what differs between two or more sides, typed.

Lists named ``values``, ``figures`` or ``names`` have one entry a side, in the order of ``sides``.
"""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document
from seedwitness.records.findings import Verdict
from seedwitness.records.rates import Rate
from seedwitness.report.finding_evidence import WordedReason
from seedwitness.statistics.paired_differences import PairedSummary

SCHEMA_VERSION = "1.0"

Question = Literal["memorised", "generated"]
QUESTIONS: tuple[Question, ...] = ("memorised", "generated")

SideKind = Literal["workspace", "revision", "folder", "checkpoint", "bundle"]

Obstacle = Literal[
    "files-missing", "other-pixels", "other-measure", "no-shared-recipe", "single-seed"
]
"""Why two sides of a case are not compared seed by seed."""


class SideRecord(Document):
    """One side of the comparison: an argument of the command, and what it was found to be."""

    name: str
    kind: SideKind
    place: str
    """The commit, the folder, the checkpoint's digest, or the SHA-256 of the bundle's manifest."""
    targets: int
    cases: int


class QuestionAnswer(Document):
    """The finding for one question, and the reason that decided it."""

    finding: Verdict
    reason: WordedReason


class CaseFigures(Document):
    """What one side's report says of a case."""

    memorised: QuestionAnswer
    generated: QuestionAnswer
    metric: str
    label: str
    higher_is_closer: bool
    closest: float
    """The score of the closest of ``trials``."""
    trials: int
    controls: int
    p: float
    p_family: float
    copies: Rate
    reference_copies: Rate | None
    controls_copied: Rate | None

    def answer(self, question: Question) -> QuestionAnswer:
        """The answer to one question."""
        return self.memorised if question == "memorised" else self.generated


class ComparedCase(Document):
    """A case on every side; ``figures`` is None where a side does not have it.

    ``checkpoint`` is None where the sides are the checkpoints.
    """

    target: str
    checkpoint: str | None
    figures: list[CaseFigures | None]
    differing: list[Question]
    """The questions to which the sides that have the case give different findings."""


class Absence(Document):
    """A target or a checkpoint that some sides have and others have not."""

    what: Literal["target", "checkpoint"]
    name: str
    present: list[str]
    absent: list[str]


class Renaming(Document):
    """A target that has the same pixels under different names; ``names`` is None where absent."""

    target: str
    names: list[str | None]


class Difference(Document):
    """A value that is not the same on all sides; None where a side does not have it.

    ``targets`` are those of which it holds; none where it is about a whole side.
    """

    name: str
    values: list[str | None]
    targets: list[str]


class StageCode(Document):
    """The files of code that differ in what one stage runs, by their hashes."""

    stage: str
    files: list[Difference]


class StageResults(Document):
    """How many of the files that a stage wrote, and reports rest on, are not the same."""

    stage: str
    files: int
    differing: int
    targets: list[str]
    """The targets of which a file differs."""


class Differences(Document):
    """All that could make findings differ, and where the results begin to."""

    settings: list[Difference]
    data: list[Difference]
    code: list[StageCode]
    environment: list[Difference]
    results: list[StageResults]
    """In the order of the stages; empty where the sides are checkpoints."""


class PairedDifference(PairedSummary):
    """How much closer ``other`` comes than ``base`` on the recipes that both executed.

    A difference is one of a seed: the mean over its recipes of the distance of ``base`` minus that
    of ``other``, positive where ``other`` is closer. ``n`` counts seeds. ``other_closer`` leaves
    out ties, and is None where all are ties.
    """

    target: str
    checkpoint: str | None
    base: str
    other: str
    metric: str
    label: str
    recipes: int
    other_closer: Rate | None
    p_holm: float
    """``p`` of the sign test, adjusted by Holm over all paired tests of the document."""


class Unpaired(Document):
    """Two sides of a case that could not be compared seed by seed, and why."""

    target: str
    checkpoint: str | None
    base: str
    other: str
    obstacle: Obstacle
    shared: int
    """Recipes that both sides executed."""


class ImageCount(Document):
    """Images of the recipes that at least two sides share: how many there are, and are shown."""

    target: str
    checkpoint: str | None
    images: int
    shown: int


class MissingFiles(Document):
    """Files below one folder of a side that could not be read, and what brings them."""

    side: str
    folder: str
    paths: list[str]
    remedy: str


class Comparison(Document):
    """``compare.json``. ``base`` is the side with which each other one is paired."""

    schema_version: str
    version: str
    """Of seedwitness."""
    sides: list[SideRecord]
    base: str
    cases: list[ComparedCase]
    absences: list[Absence]
    renamings: list[Renaming]
    differences: Differences
    paired: list[PairedDifference]
    unpaired: list[Unpaired]
    images: list[ImageCount]
    missing: list[MissingFiles]
