"""From figures to the finding for *memorised*, with reasons and an error rate."""

from __future__ import annotations

from collections.abc import Sequence

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.findings import CopyCount, Rank, Verdict
from seedwitness.records.reasons import Reason
from seedwitness.verdict.rank_reasons import describe_rank, find_too_few_controls
from seedwitness.verdict.reference_comparison import ReferenceComparison, find_objection

RULE = 34
"""The decision record of this rule; a validation names the one that it tested."""


def conclude(
    exclusions: Sequence[Reason],
    rank: Rank,
    copies: CopyCount,
    comparison: ReferenceComparison | None,
    doubt: Reason | None,
    settings: JudgeSettings,
) -> tuple[Verdict, list[Reason]]:
    """The finding for *memorised*, and the reasons for it, the decisive one first.

    ``exclusions`` are those of ``exclusion_reasons``: where there are any, they are the reasons.
    ``comparison`` is None where the checkpoint is the reference itself, and ``doubt`` where the
    target is no output of the checkpoint.
    """
    if exclusions:
        return "inconclusive", list(exclusions)
    if too_few := find_too_few_controls(rank, settings):
        return "inconclusive", [too_few]
    hits = copies.rate.hits
    ranked = Reason(
        code="rank-at-most-alpha" if rank.is_significant else "rank-above-alpha",
        values=describe_rank(rank),
    )
    counted = Reason(code="copies-counted", values={"copies": hits, "trials": copies.rate.n})
    if rank.is_significant and copies.ranked:
        objection = find_objection(comparison) or doubt
        if objection:
            return "inconclusive", [objection, ranked, counted]
        return "supported", [ranked, counted]
    if rank.is_significant:
        no_copy = Reason(code="close-but-no-copy", values={"trials": copies.rate.n})
        return "inconclusive", [no_copy, ranked]
    if copies.meeting:
        return "inconclusive", [Reason(code="copies-but-controls-close"), ranked, counted]
    return "not supported", [ranked, counted]


def state_error_rate(exclusions: Sequence[Reason], rank: Rank) -> Reason:
    """How often an image that the checkpoint never saw would rank as close; none if excluded."""
    if exclusions:
        return Reason(code="error-rate-not-given")
    return Reason(
        code="error-rate" if rank.is_significant else "error-rate-above-alpha",
        values={
            "p": rank.p,
            "family": rank.family,
            "p_family": rank.p_family,
            "alpha": rank.alpha,
        },
    )
