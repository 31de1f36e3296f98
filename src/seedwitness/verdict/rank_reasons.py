"""What a rank among controls says, for the reasons of every question that rests on one."""

from __future__ import annotations

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.findings import Rank
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.statistics import power_analysis


def find_too_few_controls(rank: Rank, settings: JudgeSettings) -> Reason | None:
    """Why so few controls cannot support a finding, whatever they rank; None if they can."""
    p_min = rank.resolution * rank.family
    if rank.planned >= settings.min_controls and p_min <= settings.alpha:
        return None
    needed = power_analysis.count_controls_needed(settings.alpha, rank.family)
    return Reason(
        code="too-few-controls",
        values={
            "controls": rank.controls,
            "family": rank.family,
            "p_min": p_min,
            "needed": max(settings.min_controls, needed),
        },
    )


def describe_rank(rank: Rank) -> ReasonValues:
    """The values of a reason that gives a rank."""
    return {
        "at_least_as_close": rank.at_least_as_close,
        "controls": rank.controls,
        "p": rank.p,
        "family": rank.family,
        "p_family": rank.p_family,
        "alpha": rank.alpha,
    }
