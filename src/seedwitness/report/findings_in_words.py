"""Findings with their reasons in English, as the evidence holds them."""

from __future__ import annotations

from collections.abc import Sequence

from seedwitness.records.exposure import ExposedFinding
from seedwitness.records.findings import GeneratedFinding, MemorisedFinding
from seedwitness.records.reasons import Reason
from seedwitness.records.search import SearchSummary
from seedwitness.report.finding_evidence import (
    ExposedEvidence,
    GeneratedEvidence,
    LikelihoodEvidence,
    MemorisedEvidence,
    ScanEvidence,
    SearchEvidence,
    VariantEvidence,
    WordedReason,
)
from seedwitness.report.wording import word_reason


def add_words(reason: Reason) -> WordedReason:
    """A reason with its English."""
    return WordedReason(code=reason.code, values=reason.values, text=word_reason(reason))


def word_memorised(finding: MemorisedFinding) -> MemorisedEvidence:
    """A finding for *memorised* with the English of all its reasons."""
    likelihood, no_likelihood = finding.likelihood, finding.no_likelihood
    return MemorisedEvidence(
        finding=finding.finding,
        reasons=_add_all(finding.reasons),
        error_rate=add_words(finding.error_rate),
        limits=_add_all(finding.limits),
        statistic=finding.statistic,
        rank=finding.rank,
        copies=finding.copies,
        reference=finding.reference,
        gain=finding.gain,
        likelihood=None
        if likelihood is None
        else LikelihoodEvidence(
            **dict(likelihood)
            | {
                "h1": add_words(likelihood.h1),
                "h2": add_words(likelihood.h2),
                "support": add_words(likelihood.support),
            }
        ),
        no_likelihood=None if no_likelihood is None else add_words(no_likelihood),
        sensitivity=[
            VariantEvidence(
                **dict(variant)
                | {"change": add_words(variant.change), "reason": add_words(variant.reason)}
            )
            for variant in finding.sensitivity
        ],
    )


def word_generated(finding: GeneratedFinding) -> GeneratedEvidence:
    """A finding for *generated* with the English of all its reasons."""
    obstacle = finding.scan.obstacle
    return GeneratedEvidence(
        finding=finding.finding,
        reasons=_add_all(finding.reasons),
        limits=_add_all(finding.limits),
        scan=ScanEvidence(
            **dict(finding.scan) | {"obstacle": None if obstacle is None else add_words(obstacle)}
        ),
    )


def word_exposed(finding: ExposedFinding | None) -> ExposedEvidence | None:
    """A finding for *exposed* with the English of all its reasons; None where it is off."""
    if finding is None:
        return None
    return ExposedEvidence(
        finding=finding.finding,
        reasons=_add_all(finding.reasons),
        limits=_add_all(finding.limits),
        losses=finding.losses,
        blind=finding.blind,
    )


def word_search(search: SearchSummary) -> SearchEvidence:
    """A search with the reason of its end in English."""
    return SearchEvidence(**dict(search) | {"end_reason": add_words(search.end_reason)})


def _add_all(reasons: Sequence[Reason]) -> list[WordedReason]:
    return [add_words(reason) for reason in reasons]
