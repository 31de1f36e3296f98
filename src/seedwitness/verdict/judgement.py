"""From scores to findings: what is concluded of a target on each checkpoint, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import RecordError
from seedwitness.records.findings import (
    CaseFindings,
    LikelihoodRatio,
    MemorisedFinding,
    Rank,
    RankedStatistic,
)
from seedwitness.records.reasons import Reason
from seedwitness.statistics.distances import score_of
from seedwitness.statistics.ranks import adjust_in_family, rank_among_controls
from seedwitness.verdict.case_data import (
    CaseData,
    control_distances,
    distances_by_trial,
    find_metric,
    score_tables,
)
from seedwitness.verdict.conclusion import conclude, state_error_rate
from seedwitness.verdict.copy_counts import count_copies, estimate_blind_rates
from seedwitness.verdict.exclusions import exclusion_reasons
from seedwitness.verdict.generated import judge_generated
from seedwitness.verdict.likelihood import estimate_likelihood_ratio
from seedwitness.verdict.limits import list_limits
from seedwitness.verdict.reference_comparison import ReferenceComparison, compare_with_reference
from seedwitness.verdict.sensitivity import vary_analysis
from seedwitness.verdict.shortest_phrase import find_shortest_phrase


def judge_cases(cases: Sequence[CaseData], settings: JudgeSettings) -> list[CaseFindings]:
    """The findings for all cases of one target, *memorised* and *generated*, in the same order.

    *Memorised* is *supported* only where all of this holds: p ≤ α by Holm over all cases but the
    reference's; at least one trial is a copy; the 95 % interval of the paired difference to the
    reference lies above 0; the reference makes no copies, or clearly fewer; and where the reference
    is judged too, its p is above α. *Generated* is ``judge_generated``.
    """
    rankings = [_rank_case(case, settings) for case in cases]
    examined = [number for number, case in enumerate(cases) if case.reference]
    findings = []
    for number, case in enumerate(cases):
        family_p = [
            rankings[other].rank.p for other in examined if case.reference and other != number
        ]
        reference_p = _find_reference_p(case, cases, rankings)
        findings.append(
            CaseFindings(
                target=case.target.name,
                checkpoint=case.checkpoint.name,
                checkpoint_sha256=case.checkpoint.sha256,
                memorised=judge_memorised(case, rankings[number], family_p, reference_p, settings),
                generated=judge_generated(case.scan, case.low_information),
                pass_phrase=find_shortest_phrase(case, settings),
            )
        )
    return findings


@dataclass(frozen=True)
class RankedCase:
    """The statistic of a case and its rank among the controls, before the family is considered."""

    statistic: RankedStatistic
    rank: Rank


def judge_memorised(
    case: CaseData,
    ranked: RankedCase,
    family_p: Sequence[float],
    reference_p: float | None,
    settings: JudgeSettings,
) -> MemorisedFinding:
    """Was the target learned? By rank among controls, copies, and the reference checkpoint.

    ``family_p`` is p of the other cases that p is adjusted for, ``reference_p`` p on the reference.
    """
    rank = adjust_in_family(ranked.rank, family_p)
    distances = distances_by_trial(case.scores)
    copies = count_copies(case, settings, distances)
    comparison = None
    if case.reference:
        paired = compare_with_reference(case, settings, distances)
        rates = estimate_blind_rates(case, settings, distances)
        comparison = ReferenceComparison(paired, rates, reference_p)
    exclusions = exclusion_reasons(case, rank, copies.criteria)
    finding, reasons = conclude(exclusions, rank, copies, comparison, settings)
    likelihood = estimate_likelihood_ratio(case, ranked.statistic, exclusions)
    return MemorisedFinding(
        finding=finding,
        reasons=reasons,
        error_rate=state_error_rate(exclusions, rank),
        limits=list_limits(case, rank),
        statistic=ranked.statistic,
        rank=rank,
        copies=copies,
        reference=comparison.paired if comparison else None,
        likelihood=likelihood if isinstance(likelihood, LikelihoodRatio) else None,
        no_likelihood=likelihood if isinstance(likelihood, Reason) else None,
        sensitivity=[]
        if exclusions
        else vary_analysis(case, rank, family_p, copies, comparison, settings),
    )


def _rank_case(case: CaseData, settings: JudgeSettings) -> RankedCase:
    """The statistic of a case, and its rank among those of its controls."""
    distances = distances_by_trial(case.scores)
    if distances.empty:
        raise RecordError(
            f"No trial of {case.target.name} on {case.checkpoint.name} was scored: the budget is "
            "smaller than the cost of one image. Raise search.budget_nfe and run again."
        )
    _require_finite_scores(case)
    metric = find_metric(case.scores, settings.metric)
    higher_is_closer = bool(metric["higher_is_closer"])
    distance = float(distances[settings.metric].min())
    statistic = RankedStatistic(
        metric=settings.metric,
        version=str(metric["version"]),
        label=str(metric["label"]),
        weights_sha256=str(metric["weights_sha256"]),
        higher_is_closer=higher_is_closer,
        value=score_of(distance, higher_is_closer),
        selection="closest-trial",
    )
    controls, left_out = control_distances(case, settings.metric)
    rank = rank_among_controls(distance, controls, settings.alpha)
    return RankedCase(statistic, rank.model_copy(update={"left_out": left_out}))


def _find_reference_p(
    case: CaseData, cases: Sequence[CaseData], rankings: Sequence[RankedCase]
) -> float | None:
    """p of the target on a case's reference; None where that is not among the judged cases."""
    if case.reference is None:
        return None
    return next(
        (
            ranked.rank.p
            for other, ranked in zip(cases, rankings, strict=True)
            if not other.reference and other.checkpoint.sha256 == case.reference.sha256
        ),
        None,
    )


def _require_finite_scores(case: CaseData) -> None:
    """Raise RecordError where a trial has no finite score by one of the metrics."""
    for name, table in score_tables(case).items():
        unscored = table.loc[~np.isfinite(table["score"].to_numpy()), "metric"]
        if len(unscored):
            raise RecordError(
                f"{len(unscored)} scores by {unscored.iloc[0]} are not finite, among the {name} of "
                f"{case.target.name} on {case.checkpoint.name}. Look at the images, or remove the "
                "metric from score.metrics."
            )
