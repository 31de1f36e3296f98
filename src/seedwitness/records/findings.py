"""Documents of what is concluded: ``finding.json`` and its parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document
from seedwitness.records.pass_phrase import PassPhrase
from seedwitness.records.rates import Rate
from seedwitness.records.seed_scan import SeedScan

Verdict = Literal["supported", "not supported", "inconclusive"]


class RankedStatistic(Document):
    """The figure by which a case is ranked among its controls."""

    metric: str
    version: str
    label: str
    weights_sha256: str
    higher_is_closer: bool
    value: float
    selection: str


class Rank(Document):
    """Rank among controls: p = (1 + controls at least as close) / (1 + controls).

    ``p_family`` is p corrected by Holm over the ``family`` cases of a report that are examined.
    """

    at_least_as_close: int
    controls: int
    p: float
    family: int
    p_family: float
    resolution: float
    alpha: float
    left_out: list[str] = Field(default_factory=list)


class PairedComparison(Document):
    """The same recipes on the reference checkpoint, trial by trial."""

    checkpoint: str
    checkpoint_sha256: str
    n: int
    difference: float
    low: float
    high: float
    p: float
    what: str


class CopyCriterion(Document):
    """From where on a metric says "copy", and who says so."""

    metric: str
    threshold: float
    higher_is_closer: bool
    source: str


class CopyCount(Document):
    """How many trials are copies: those that meet every criterion."""

    criteria: list[CopyCriterion]
    rate: Rate
    best_trial: str | None
    """The closest copy by the statistic's metric."""
    reference_rate: Rate | None


class SensitivityVariant(Document):
    """The finding as it would be, had one thing been done in another way."""

    what: str
    finding: Verdict
    why: str
    rank: Rank
    copies: int
    trials: int


class LikelihoodRatio(Document):
    """How much better one proposition explains the statistic than the other; no probability.

    Calibrated on ``learned`` pictures that the checkpoint is known to have learned and on its
    controls, the target itself left out; ``cllr`` and the rates are of ratios by calibrations that
    did not know the picture.
    """

    h1: str
    h2: str
    ratio: float
    words: str
    learned: int
    controls: int
    lowest: float
    highest: float
    cllr: float
    learned_ratios: list[float]
    controls_ratios: list[float]
    misleading_h1: Rate
    """Pictures that were learned, and have a ratio below 1."""
    misleading_h2: Rate
    """Controls that have a ratio above 1."""


class MemorisedFinding(Document):
    """Was the target learned, so that text alone brings it back?"""

    finding: Verdict
    reasons: list[str]
    limits: list[str]
    statistic: RankedStatistic
    rank: Rank
    copies: CopyCount
    reference: PairedComparison | None
    likelihood: LikelihoodRatio | None
    robustness: list[SensitivityVariant] = Field(default_factory=list)


class GeneratedFinding(Document):
    """Is the target itself an output of the checkpoint?"""

    finding: Verdict
    reasons: list[str]
    limits: list[str]
    scan: SeedScan


class CaseFindings(Document):
    """``finding.json``: what is concluded for one target against one checkpoint."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    memorised: MemorisedFinding
    generated: GeneratedFinding
    phrase: PassPhrase


class Attempt(Document):
    """What was asked of a picture and answered once, of all that no protocol holds."""

    stated: list[str]
    """Prompts that a user stated."""
    checkpoints: dict[str, str]
    """Hashes of their components' hashes, by name."""
    protocol_sha256: str
    memorised: dict[str, Verdict]
    generated: dict[str, Verdict]

    @property
    def question(self) -> tuple[list[str], dict[str, str], str]:
        """What was asked, without what was answered."""
        return self.stated, self.checkpoints, self.protocol_sha256
