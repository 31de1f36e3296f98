"""Two propositions on a case, and how much better one explains its statistic than the other."""

from __future__ import annotations

import pandas as pd

from seedwitness.records.findings import LikelihoodRatio, RankedStatistic
from seedwitness.statistics.distances import distance_of
from seedwitness.statistics.likelihood_ratio import calibrate, cllr, left_out, words
from seedwitness.verdict.case_data import CaseData, rate_of, statistics

LEAST = 10
"""Pictures of either kind, below which no ratio is given."""


def likelihood(case: CaseData, statistic: RankedStatistic) -> LikelihoodRatio | None:
    """The likelihood ratio of a case's statistic; None where too few learned pictures are known.

    None also where learned pictures come no closer than controls, so that the metric tells nothing
    between the two. It is not asked of a case that is refused, as an output of the checkpoint is:
    neither proposition is about that.
    """
    learned, controls = (
        _closeness(table, case, statistic) for table in (case.known, case.controls)
    )
    if min(len(learned), len(controls)) < LEAST:
        return None
    calibration = calibrate(learned, controls)
    if calibration.slope <= 0:
        return None
    ratio = calibration.ratio(-distance_of(statistic.value, statistic.higher_is_closer))
    ours, theirs = left_out(learned, controls)
    return LikelihoodRatio(
        h1=f"{case.checkpoint.name} has learned the target as it has the pictures that it is known "
        "to have learned, and the words that belong to it are among the prompts that were tried, "
        "as theirs were",
        h2=f"{case.checkpoint.name} never saw the target, as it is taken never to have seen the "
        "controls",
        ratio=ratio,
        words=words(ratio),
        learned=len(learned),
        controls=len(controls),
        lowest=calibration.lowest,
        highest=calibration.highest,
        cllr=cllr(ours, theirs),
        learned_ratios=ours,
        controls_ratios=theirs,
        misleading_h1=rate_of([each < 1 for each in ours], "learned pictures with a ratio below 1"),
        misleading_h2=rate_of([each > 1 for each in theirs], "controls with a ratio above 1"),
    )


def _closeness(table: pd.DataFrame, case: CaseData, statistic: RankedStatistic) -> list[float]:
    """Minus the least distance of each picture of ``records.CONTROLS``; the target's not."""
    distances, _ = statistics(table[table["metric"] == statistic.metric], case.target)
    return [-distance for distance in distances]
