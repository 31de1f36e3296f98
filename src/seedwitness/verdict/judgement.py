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
    ReferenceGain,
)
from seedwitness.records.reasons import Reason
from seedwitness.statistics.distances import score_of
from seedwitness.statistics.ranks import adjust_in_family
from seedwitness.verdict.case_data import (
    CaseData,
    control_distances,
    distances_by_trial,
    find_metric,
    find_ranked_trials,
    score_tables,
)
from seedwitness.verdict.conclusion import conclude, state_error_rate
from seedwitness.verdict.copy_counts import count_copies, estimate_blind_rates
from seedwitness.verdict.drawn_controls import list_in_order, rank_drawn
from seedwitness.verdict.exclusions import exclusion_reasons
from seedwitness.verdict.file_origin import decide_origin
from seedwitness.verdict.generated import judge_generated
from seedwitness.verdict.likelihood import estimate_likelihood_ratio
from seedwitness.verdict.limits import list_limits
from seedwitness.verdict.own_output import find_own_output_doubt, state_provenance
from seedwitness.verdict.reference_comparison import ReferenceComparison, compare_with_reference
from seedwitness.verdict.reference_gain import adjust_gain, rank_gain
from seedwitness.verdict.sensitivity import vary_analysis
from seedwitness.verdict.shortest_phrase import find_shortest_phrase


def judge_cases(cases: Sequence[CaseData], settings: JudgeSettings) -> list[CaseFindings]:
    """The findings for all cases of one target, *memorised* and *generated*, in the same order.

    *Memorised* is *supported* only where all of this holds: the target's rank among the controls
    and the rank of its gain over the reference both have p ≤ α, by Holm over all cases but the
    reference's; at least one trial is a copy; and on the reference, p of the target's rank is
    above α, and no trial or clearly fewer are copies; and the target is no output of the
    checkpoint, by a scan of all seeds or by a stated provenance. *Generated* is
    ``judge_generated``.
    """
    rankings = [_rank_case(case, settings) for case in cases]
    examined = [number for number, case in enumerate(cases) if case.reference]
    findings = []
    for number, case in enumerate(cases):
        family_p = [
            rankings[other].decisive_p for other in examined if case.reference and other != number
        ]
        memorised = judge_memorised(case, rankings[number], family_p, settings)
        generated = judge_generated(case.scan, case.low_information)
        provenance = state_provenance(case, settings)
        findings.append(
            CaseFindings(
                target=case.target.name,
                checkpoint=case.checkpoint.name,
                checkpoint_sha256=case.checkpoint.sha256,
                origin=decide_origin(memorised, generated.finding, provenance),
                memorised=memorised,
                generated=generated,
                pass_phrase=find_shortest_phrase(case, settings),
            )
        )
    return findings


@dataclass(frozen=True)
class RankedCase:
    """The statistic of a case and its ranks among the controls, before the family is considered.

    ``gain`` is None where the case has no reference, or no blind trial, or the draw of controls
    stopped early: its line needs all of them, and nothing can be supported any more.
    """

    statistic: RankedStatistic
    rank: Rank
    gain: ReferenceGain | None

    @property
    def decisive_p(self) -> float:
        """The larger p of the two ranks, both of which have to be small; 1 without a gain."""
        return max(self.rank.p, self.gain.rank.p) if self.gain else 1.0


def judge_memorised(
    case: CaseData, ranked: RankedCase, family_p: Sequence[float], settings: JudgeSettings
) -> MemorisedFinding:
    """Was the target learned? By rank among controls, copies, and gain over the reference.

    ``family_p`` holds the decisive p of the other cases that p is adjusted for.
    """
    rank = adjust_in_family(ranked.rank, family_p)
    distances = distances_by_trial(case.scores)
    copies = count_copies(case, settings, distances)
    comparison = None
    if case.reference:
        paired = compare_with_reference(case, settings, distances)
        rates = estimate_blind_rates(case, settings, distances)
        comparison = ReferenceComparison(paired, adjust_gain(ranked.gain, family_p), rates)
    exclusions = exclusion_reasons(case, rank, copies.criteria)
    doubt = find_own_output_doubt(case, settings)
    finding, reasons = conclude(exclusions, rank, copies, comparison, doubt, settings)
    provenance = state_provenance(case, settings)
    likelihood = estimate_likelihood_ratio(case, ranked.statistic, exclusions, settings)
    return MemorisedFinding(
        finding=finding,
        reasons=reasons,
        error_rate=state_error_rate(exclusions, rank),
        limits=[*list_limits(case, rank), *([provenance] if provenance else [])],
        statistic=ranked.statistic,
        rank=rank,
        copies=copies,
        reference=comparison.paired if comparison else None,
        gain=comparison.gain if comparison else None,
        likelihood=likelihood if isinstance(likelihood, LikelihoodRatio) else None,
        no_likelihood=likelihood if isinstance(likelihood, Reason) else None,
        sensitivity=[]
        if exclusions or rank.is_stopped
        else vary_analysis(case, rank, family_p, copies, comparison, doubt, settings),
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
    distances = distances[distances.index.isin(find_ranked_trials(case))]
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
    _, left_out = control_distances(case, settings.metric)
    drawn = list_in_order(case.controls, settings.metric)
    controls = drawn[~drawn.index.isin(left_out)]
    rank = rank_drawn(distance, controls, case.planned_controls, settings.alpha)
    return RankedCase(
        statistic,
        rank.model_copy(update={"left_out": left_out}),
        None if rank.is_stopped else rank_gain(case, settings, distances),
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
