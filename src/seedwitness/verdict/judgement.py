"""From scores to a finding: what is concluded of one target against one checkpoint, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import RecordError
from seedwitness.records.findings import CaseFindings, MemorisedFinding, Rank, RankedStatistic
from seedwitness.statistics.distances import score_of
from seedwitness.statistics.ranks import adjust_in_family, rank_among_controls
from seedwitness.verdict.case_data import (
    CaseData,
    about,
    blind_rates,
    compared,
    control_statistics,
    copies,
    distances_by_trial,
    tables,
)
from seedwitness.verdict.conclusion import ReferenceComparison, conclude, limits
from seedwitness.verdict.exclusions import exclusion_reasons
from seedwitness.verdict.generated import generated
from seedwitness.verdict.pass_phrase import phrase
from seedwitness.verdict.propositions import likelihood
from seedwitness.verdict.sensitivity import variants

BEST = "the closest of all trials"


def judge(cases: Sequence[CaseData], settings: JudgeSettings) -> list[CaseFindings]:
    """The findings for all cases of one target, *memorised* and *generated*, in the same order.

    *Memorised* is *supported* only where p ≤ α by Holm over all cases but the reference's, a
    regeneration is a copy, and the reference does not come as near: the 95 % interval of the paired
    difference lies above 0, it makes no copies or clearly fewer, and where it is judged beside
    them, p there is above α. *Generated* is ``generation.generated``.
    """
    standings = [_standing(case, settings) for case in cases]
    examined = [number for number, case in enumerate(cases) if case.reference]
    found = []
    for number, case in enumerate(cases):
        company = [
            standings[other].rank.p for other in examined if case.reference and other != number
        ]
        found.append(
            CaseFindings(
                target=case.target.name,
                checkpoint=case.checkpoint.name,
                checkpoint_sha256=case.checkpoint.sha256,
                memorised=memorised(
                    case, standings[number], company, _there(number, cases, standings), settings
                ),
                generated=generated(case.scan, case.flat),
                phrase=phrase(case, settings),
            )
        )
    return found


@dataclass(frozen=True)
class _Standing:
    """Where a case stands among its controls, before others of the report are reckoned with."""

    statistic: RankedStatistic
    rank: Rank


def _standing(case: CaseData, settings: JudgeSettings) -> _Standing:
    """The statistic of a case, and its rank among those of its controls."""
    wide = distances_by_trial(case.scores)
    if wide.empty:
        raise RecordError(
            f"No trial of {case.target.name} on {case.checkpoint.name} was scored: the budget is "
            "smaller than one image costs. Raise search.budget_nfe and run again."
        )
    _require_numbers(case)
    said = about(case.scores, settings.metric)
    higher = bool(said["higher_is_closer"])
    distance = float(wide[settings.metric].min())
    statistic = RankedStatistic(
        metric=settings.metric,
        version=str(said["version"]),
        label=str(said["label"]),
        weights_sha256=str(said["weights_sha256"]),
        higher_is_closer=higher,
        value=score_of(distance, higher),
        selection=BEST,
    )
    best, left_out = control_statistics(case, settings.metric)
    ranked = rank_among_controls(distance, best, settings.alpha)
    return _Standing(statistic, ranked.model_copy(update={"left_out": left_out}))


def _there(number: int, cases: Sequence[CaseData], standings: Sequence[_Standing]) -> float | None:
    """p of the target on a case's reference, where that is judged beside it."""
    reference = cases[number].reference
    return next(
        (
            standing.rank.p
            for case, standing in zip(cases, standings, strict=True)
            if reference and not case.reference and case.checkpoint.sha256 == reference.sha256
        ),
        None,
    )


def _require_numbers(case: CaseData) -> None:
    """Raise RecordError where a trial has no finite score by one of the metrics."""
    for name, table in tables(case).items():
        unscored = table.loc[~np.isfinite(table["score"].to_numpy()), "metric"]
        if len(unscored):
            raise RecordError(
                f"{len(unscored)} {name} of {case.target.name} on {case.checkpoint.name} have no "
                f"finite score by {unscored.iloc[0]}. Look at their pictures, or leave the metric "
                "out of score.metrics."
            )


def memorised(
    case: CaseData,
    standing: _Standing,
    company: Sequence[float],
    there: float | None,
    settings: JudgeSettings,
) -> MemorisedFinding:
    """Was the target learned? Rank among controls, copies by the threshold, the reference.

    ``company`` is p of the other cases that p is corrected for, ``there`` p on the reference.
    """
    ranked = adjust_in_family(standing.rank, company)
    wide = distances_by_trial(case.scores)
    found = copies(case, settings, wide)
    beside = None
    if case.reference:
        near = compared(case, settings, wide)
        beside = ReferenceComparison(near, blind_rates(case, settings, wide), there)
    refused = exclusion_reasons(case, ranked, found.criteria)
    finding, reasons = conclude(refused, ranked, found, beside, settings)
    return MemorisedFinding(
        finding=finding,
        reasons=reasons,
        limits=limits(case, ranked),
        statistic=standing.statistic,
        rank=ranked,
        copies=found,
        reference=beside.compared if beside else None,
        likelihood=None if refused else likelihood(case, standing.statistic),
        robustness=[] if refused else variants(case, ranked, company, found, beside, settings),
    )
