"""Which trials of a case are copies, by the criteria of its finding."""

from __future__ import annotations

import pandas as pd

from seedwitness.report.sources import CaseSource
from seedwitness.verdict.case_data import distances_by_trial
from seedwitness.verdict.copy_counts import meets_criteria


def find_copies(source: CaseSource, scores: pd.DataFrame) -> dict[str, bool]:
    """Whether each trial of ``scores`` is a copy; empty without scores by all criteria's metrics.

    Of controls, ``trial`` must name control and trial together.
    """
    criteria = source.case.memorised.copies.criteria
    if scores.empty:
        return {}
    distances = distances_by_trial(scores)
    if not {criterion.metric for criterion in criteria} <= set(distances.columns):
        return {}
    return {str(trial): bool(hit) for trial, hit in meets_criteria(distances, criteria).items()}
