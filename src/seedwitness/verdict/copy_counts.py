"""Which trials are copies of the target, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.findings import CopyCount, CopyCriterion
from seedwitness.records.rates import Rate
from seedwitness.statistics.distances import distance_of, score_of
from seedwitness.statistics.ranks import count_allowed_controls
from seedwitness.statistics.rates import estimate_share
from seedwitness.verdict.case_data import (
    CaseData,
    control_distances,
    distances_by_trial,
    find_blind_trials,
    find_metric,
    find_ranked_trials,
)


@dataclass(frozen=True)
class CopyTest:
    """What makes a trial a copy: every criterion, and a distance by which it beats the controls.

    ``rank_distance`` is the largest distance by the ranking metric of which p alone is at most α;
    None where there are too few controls for any.
    """

    criteria: list[CopyCriterion]
    metric: str
    rank_distance: float | None

    def mark_copies(self, distances: pd.DataFrame) -> pd.Series:
        """Whether each row of ``distances``, one column a metric, is a copy."""
        hits = meets_criteria(distances, self.criteria)
        if self.rank_distance is not None:
            hits &= distances[self.metric] <= self.rank_distance
        return hits


def make_copy_test(case: CaseData, settings: JudgeSettings, half: int | None = None) -> CopyTest:
    """The copy test of a case; ``half`` takes one half of each control's trials.

    Each threshold is the stated one, or the one that the controls' closest trials give at α where
    that is stricter: by chance, more trials bring every image closer.
    """
    rank_distance = _find_control_threshold(case, settings.metric, settings.alpha, half)
    criteria = []
    for criterion in settings.copy_criteria:
        higher_is_closer = bool(find_metric(case.scores, criterion.metric)["higher_is_closer"])
        stated = distance_of(criterion.threshold, higher_is_closer)
        of_controls = _find_control_threshold(case, criterion.metric, settings.alpha, half)
        used = stated if of_controls is None else min(stated, of_controls)
        criteria.append(
            CopyCriterion(
                metric=criterion.metric,
                threshold=score_of(used, higher_is_closer),
                stated=criterion.threshold,
                higher_is_closer=higher_is_closer,
                source=criterion.source,
            )
        )
    return CopyTest(criteria, settings.metric, rank_distance)


def count_copies(
    case: CaseData, settings: JudgeSettings, distances: pd.DataFrame, half: int | None = None
) -> CopyCount:
    """Trials of ``distances`` that are copies, and those of the reference that meet the criteria.

    Trials of the reference are counted by the criteria as stated, whether they beat the controls or
    not: more of them speak against a finding. ``half`` is as for ``make_copy_test``.
    """
    test = make_copy_test(case, settings, half)
    hits = test.mark_copies(distances)
    meeting = meets_criteria(distances, test.criteria, stated=True)
    is_whole = len(distances) == case.scores["trial"].nunique()
    # The search counted by the stated thresholds. A trial on one of them may be a copy to the
    # search alone, which decodes others beside it.
    is_counted_alike = bool(hits.any()) and bool((hits == meeting).all())
    up_to_hit = case.search.ended == "copies" and is_whole and is_counted_alike
    reference_rate = None
    if len(case.reference_scores):
        replayed = distances_by_trial(case.reference_scores)
        reference_hits = meets_criteria(replayed, test.criteria, stated=True)
        reference_hits = reference_hits[reference_hits.index.isin(distances.index)]
        reference_rate = estimate_share(reference_hits, "reference-copies")
    copy_distances = distances.loc[hits, settings.metric]
    direction = bool(find_metric(case.scores, settings.metric)["higher_is_closer"])
    return CopyCount(
        criteria=test.criteria,
        rank_threshold=None
        if test.rank_distance is None
        else score_of(test.rank_distance, direction),
        rate=estimate_share(hits, "copies", up_to_hit=up_to_hit),
        ranked=int(hits[hits.index.isin(find_ranked_trials(case))].sum()),
        meeting=int(meeting.sum()),
        best_trial=None if copy_distances.empty else str(copy_distances.idxmin()),
        reference_rate=reference_rate,
    )


def estimate_blind_rates(
    case: CaseData, settings: JudgeSettings, distances: pd.DataFrame
) -> tuple[Rate, Rate] | None:
    """Rates of blind trials of ``distances`` that meet every criterion, here and on the reference.

    The criteria are as stated, the same on both checkpoints, and no trial has to beat the controls.
    None where the checkpoint is the reference itself, or no trial is blind.
    """
    blind = distances[find_blind_trials(case, distances.index)]
    if case.reference is None or blind.empty:
        return None
    criteria = make_copy_test(case, settings).criteria
    replayed = distances_by_trial(case.reference_scores).loc[blind.index]
    rates = [
        estimate_share(meets_criteria(table, criteria, stated=True), what)
        for table, what in ((blind, "copies"), (replayed, "reference-copies"))
    ]
    return rates[0], rates[1]


def find_copies(case: CaseData, settings: JudgeSettings, scores: pd.DataFrame) -> pd.Series:
    """Whether each trial of ``scores`` (``records.SCORES``) is a copy."""
    return make_copy_test(case, settings).mark_copies(distances_by_trial(scores))


def meets_criteria(
    distances: pd.DataFrame, criteria: Sequence[CopyCriterion], *, stated: bool = False
) -> pd.Series:
    """Whether each row of ``distances``, one column a metric, meets every criterion.

    With ``stated``, by the thresholds as they are stated, whatever the controls give.
    """
    hits = pd.Series(True, index=distances.index)
    for criterion in criteria:
        score = criterion.stated if stated else criterion.threshold
        hits &= distances[criterion.metric] <= distance_of(score, criterion.higher_is_closer)
    return hits


def _find_control_threshold(
    case: CaseData, metric: str, alpha: float, half: int | None
) -> float | None:
    """The largest distance of which p alone is at most ``alpha``; None with too few controls."""
    distances, _ = control_distances(case, metric, half)
    allowed = count_allowed_controls(len(distances), alpha)
    # A tie counts against the target, so the distance of that control itself is too large.
    return float(np.nextafter(sorted(distances)[allowed - 1], -np.inf)) if allowed else None
