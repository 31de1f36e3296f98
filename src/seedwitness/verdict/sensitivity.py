"""Sensitivity of a finding: what it would be with one thing changed at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from seedwitness.config.names import PROMPT_METRIC
from seedwitness.config.verdicts import JudgeSettings
from seedwitness.imaging.perceptual_fingerprint import MIN_PDQ_QUALITY
from seedwitness.records.findings import CopyCount, Rank, SensitivityVariant
from seedwitness.records.reasons import Reason
from seedwitness.statistics.ranks import (
    adjust_in_family,
    bound_error_rate,
    rank_among_controls,
)
from seedwitness.verdict.case_data import (
    CaseData,
    control_distances,
    distances_by_trial,
    find_metric,
    find_ranked_trials,
    split_half,
)
from seedwitness.verdict.conclusion import conclude
from seedwitness.verdict.copy_counts import count_copies, estimate_blind_rates
from seedwitness.verdict.reference_comparison import ReferenceComparison, compare_with_reference
from seedwitness.verdict.reference_gain import adjust_gain, rank_gain


def vary_analysis(
    case: CaseData,
    rank: Rank,
    family_p: Sequence[float],
    copies: CopyCount,
    comparison: ReferenceComparison | None,
    doubt: Reason | None,
    settings: JudgeSettings,
) -> list[SensitivityVariant]:
    """The finding with one control fewer, by every other metric, and by each half of the trials.

    All else stays as it was, also ``doubt`` and ``family_p`` (p of the other cases of the report).
    An excluded case has no variants, because none of these changes could include it. One control
    fewer is left out where the finding has the fewest controls that it can have.
    """
    variants = []
    if _can_spare_control(rank, settings):
        variants.append(
            _conclude_variant(
                Reason(code="one-control-fewer"),
                adjust_in_family(_drop_control(rank), family_p),
                copies,
                _drop_gain_control(comparison, family_p),
                doubt,
                settings,
            )
        )
    distances = distances_by_trial(case.scores)
    for metric in sorted(set(distances.columns) - {settings.metric, PROMPT_METRIC}):
        if metric == "pdq" and case.target.pdq_quality < MIN_PDQ_QUALITY:
            continue  # its distances say nothing of this target
        label = str(find_metric(case.scores, metric)["label"])
        by_metric = settings.model_copy(update={"metric": metric})
        variants.append(
            _conclude_variant(
                Reason(code="ranked-by-metric", values={"metric": metric, "label": label}),
                _rank_again(case, by_metric, distances, family_p),
                copies,
                _compare_again(case, comparison, by_metric, distances, family_p),
                doubt,
                settings,
            )
        )
    for half in (0, 1):
        ranked = distances[distances.index.isin(find_ranked_trials(case))]
        part = ranked[split_half(ranked.index.to_series(), half)]
        if len(part) < 2:
            continue
        compared = _compare_again(case, comparison, settings, part, family_p, half)
        variants.append(
            _conclude_variant(
                Reason(code="half-of-trials", values={"half": half + 1}),
                _rank_again(case, settings, part, family_p, half),
                count_copies(case, settings, part, half),
                compared
                and replace(compared, blind_rates=estimate_blind_rates(case, settings, part)),
                doubt,
                settings,
            )
        )
    return variants


def _can_spare_control(rank: Rank, settings: JudgeSettings) -> bool:
    """Whether one control fewer is still enough for any finding; otherwise it shows nothing."""
    if rank.controls <= settings.min_controls:
        return False
    return 1 / rank.controls * rank.family <= settings.alpha


def _drop_control(rank: Rank) -> Rank:
    """The rank with one control fewer, in the worst case: one that was farther away."""
    return rank.model_copy(
        update={
            "controls": rank.controls - 1,
            "planned": rank.planned - 1,
            "at_least_as_close": min(rank.at_least_as_close, rank.controls - 1),
            "p": min(1.0, (1 + rank.at_least_as_close) / rank.controls),
            "resolution": 1 / rank.controls,
            "conditional_alpha": bound_error_rate(rank.controls - 1, rank.alpha),
        }
    )


def _drop_gain_control(
    comparison: ReferenceComparison | None, family_p: Sequence[float]
) -> ReferenceComparison | None:
    """The comparison with one control fewer in the rank of the gain, in the worst case too."""
    if comparison is None or comparison.gain is None:
        return comparison
    rank = _drop_control(comparison.gain.rank)
    gain = comparison.gain.model_copy(update={"rank": rank})
    return replace(comparison, gain=adjust_gain(gain, family_p))


def _rank_again(
    case: CaseData,
    settings: JudgeSettings,
    distances: pd.DataFrame,
    family_p: Sequence[float],
    half: int | None = None,
) -> Rank:
    """The rank by the metric of ``settings``, from ``distances`` and one half of the controls'."""
    controls, left_out = control_distances(case, settings.metric, half)
    ranked = distances[distances.index.isin(find_ranked_trials(case))]
    closest = float(ranked[settings.metric].min())
    rank = rank_among_controls(closest, controls, settings.alpha)
    return adjust_in_family(rank.model_copy(update={"left_out": left_out}), family_p)


def _compare_again(
    case: CaseData,
    comparison: ReferenceComparison | None,
    settings: JudgeSettings,
    distances: pd.DataFrame,
    family_p: Sequence[float],
    half: int | None = None,
) -> ReferenceComparison | None:
    """The comparison once more, by the metric of ``settings``; the copy rates stay as they were."""
    if comparison is None:
        return None
    gain = rank_gain(case, settings, distances, half)
    return replace(
        comparison,
        paired=compare_with_reference(case, settings, distances),
        gain=adjust_gain(gain, family_p),
    )


def _conclude_variant(
    change: Reason,
    rank: Rank,
    copies: CopyCount,
    comparison: ReferenceComparison | None,
    doubt: Reason | None,
    settings: JudgeSettings,
) -> SensitivityVariant:
    finding, reasons = conclude([], rank, copies, comparison, doubt, settings)
    return SensitivityVariant(
        change=change,
        finding=finding,
        reason=reasons[0],
        rank=rank,
        copies=copies.rate.hits,
        trials=copies.rate.n,
    )
