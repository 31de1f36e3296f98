"""The findings of ``evidence.json``: those of ``records.findings``, with reasons in English."""

from __future__ import annotations

from seedwitness.records.document import Document
from seedwitness.records.exposure import BlindCheck, LossRank
from seedwitness.records.findings import (
    CopyCount,
    PairedComparison,
    Rank,
    RankedStatistic,
    ReferenceGain,
    Verdict,
)
from seedwitness.records.rates import Rate
from seedwitness.records.reasons import Reason
from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan


class WordedReason(Reason):
    """A reason by its code and values, and the English of both."""

    text: str


class LikelihoodEvidence(Document):
    """How much better H1 explains the statistic than H2: ``records.findings.LikelihoodRatio``."""

    h1: WordedReason
    h2: WordedReason
    ratio: float
    low: float
    high: float
    is_capped: bool
    support: WordedReason
    learned: int
    controls: int
    lowest: float
    highest: float
    cllr: float
    learned_ratios: list[float]
    controls_ratios: list[float]
    misleading_h1: Rate
    misleading_h2: Rate


class VariantEvidence(Document):
    """The finding with one thing changed: ``records.findings.SensitivityVariant``."""

    change: WordedReason
    finding: Verdict
    reason: WordedReason
    rank: Rank
    copies: int
    trials: int


class MemorisedEvidence(Document):
    """Was the target learned? ``records.findings.MemorisedFinding``, with reasons in English."""

    finding: Verdict
    reasons: list[WordedReason]
    error_rate: WordedReason
    limits: list[WordedReason]
    statistic: RankedStatistic
    rank: Rank
    copies: CopyCount
    reference: PairedComparison | None
    gain: ReferenceGain | None
    likelihood: LikelihoodEvidence | None
    no_likelihood: WordedReason | None
    sensitivity: list[VariantEvidence]


class ScanEvidence(SeedScan):
    """The seed scan: ``records.seed_scan.SeedScan``, with its obstacle in English."""

    obstacle: WordedReason | None


class SearchEvidence(SearchSummary):
    """The search: ``records.search.SearchSummary``, with the reason of its end in English."""

    end_reason: WordedReason


class GeneratedEvidence(Document):
    """Is the target an output? ``records.findings.GeneratedFinding``, with reasons in English."""

    finding: Verdict
    reasons: list[WordedReason]
    limits: list[WordedReason]
    scan: ScanEvidence


class ExposedEvidence(Document):
    """Does the checkpoint know the target better than images it never saw? No evidence of copying.

    ``records.exposure.ExposedFinding``, with reasons in English.
    """

    finding: Verdict
    reasons: list[WordedReason]
    limits: list[WordedReason]
    losses: LossRank
    blind: BlindCheck
