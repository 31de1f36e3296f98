"""Which trials of a case are copies, by the criteria of its finding."""

from __future__ import annotations

import pandas as pd

from seedwitness.report.sources import CaseSource
from seedwitness.statistics.distances import distance_of
from seedwitness.verdict.case_data import distances_by_trial
from seedwitness.verdict.copy_counts import meets_criteria


def find_copies(
    source: CaseSource, scores: pd.DataFrame, *, of_target: bool = False
) -> dict[str, bool]:
    """Whether each trial of ``scores`` is a copy; empty without scores by all criteria's metrics.

    Trials of the target on the checkpoint itself, ``of_target``, have to beat the controls as well.
    Those of the reference, of controls and of learned images are counted by the criteria as they
    are stated. Of controls, ``trial`` must name control and trial together.
    """
    finding = source.case.memorised
    copies, statistic = finding.copies, finding.statistic
    if scores.empty:
        return {}
    distances = distances_by_trial(scores)
    if not {criterion.metric for criterion in copies.criteria} <= set(distances.columns):
        return {}
    hits = meets_criteria(distances, copies.criteria, stated=not of_target)
    if of_target and copies.rank_threshold is not None:
        line = distance_of(copies.rank_threshold, statistic.higher_is_closer)
        hits &= distances[statistic.metric] <= line
    return {str(trial): bool(hit) for trial, hit in hits.items()}
