"""Which trials are copies of the target, and how often."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.findings import CopyCount, CopyCriterion
from seedwitness.records.rates import Rate
from seedwitness.statistics.distances import distance_of
from seedwitness.statistics.rates import estimate_share
from seedwitness.verdict.case_data import (
    CaseData,
    distances_by_trial,
    find_blind_trials,
    find_metric,
)


def count_copies(case: CaseData, settings: JudgeSettings, distances: pd.DataFrame) -> CopyCount:
    """Trials of ``distances`` that meet every criterion, here and on the reference checkpoint."""
    criteria = list_copy_criteria(case, settings)
    hits = meets_criteria(distances, criteria)
    is_whole = len(distances) == case.scores["trial"].nunique()
    # A trial on the threshold may be a copy to the search alone, which decodes others beside it.
    up_to_hit = case.search.ended == "copies" and is_whole and bool(hits.any())
    reference_rate = None
    if len(case.reference_scores):
        reference_hits = meets_criteria(distances_by_trial(case.reference_scores), criteria)
        reference_hits = reference_hits[reference_hits.index.isin(distances.index)]
        reference_rate = estimate_share(reference_hits, "reference-copies")
    copy_distances = distances.loc[hits, settings.metric]
    return CopyCount(
        criteria=criteria,
        rate=estimate_share(hits, "copies", up_to_hit=up_to_hit),
        best_trial=None if copy_distances.empty else str(copy_distances.idxmin()),
        reference_rate=reference_rate,
    )


def estimate_blind_rates(
    case: CaseData, settings: JudgeSettings, distances: pd.DataFrame
) -> tuple[Rate, Rate] | None:
    """Copy rates of the blind trials of ``distances``, here and on the reference checkpoint.

    None where the checkpoint is the reference itself, or no trial is blind.
    """
    blind = distances[find_blind_trials(case, distances.index)]
    if case.reference is None or blind.empty:
        return None
    copies = count_copies(case, settings, blind)
    assert copies.reference_rate is not None
    return copies.rate, copies.reference_rate


def find_copies(case: CaseData, settings: JudgeSettings, scores: pd.DataFrame) -> pd.Series:
    """Whether each trial of ``scores`` (``records.SCORES``) is a copy by every criterion."""
    return meets_criteria(distances_by_trial(scores), list_copy_criteria(case, settings))


def meets_criteria(distances: pd.DataFrame, criteria: Sequence[CopyCriterion]) -> pd.Series:
    """Whether each row of ``distances``, one column a metric, meets every criterion."""
    hits = pd.Series(True, index=distances.index)
    for criterion in criteria:
        threshold = distance_of(criterion.threshold, criterion.higher_is_closer)
        hits &= distances[criterion.metric] <= threshold
    return hits


def list_copy_criteria(case: CaseData, settings: JudgeSettings) -> list[CopyCriterion]:
    """The criteria of the settings, each with the direction of its metric."""
    return [
        CopyCriterion(
            metric=criterion.metric,
            threshold=criterion.threshold,
            higher_is_closer=bool(find_metric(case.scores, criterion.metric)["higher_is_closer"]),
            source=criterion.source,
        )
        for criterion in settings.copy_criteria
    ]
