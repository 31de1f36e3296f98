"""Two propositions on a case, and how much better one explains its statistic than the other."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from seedwitness import records
from seedwitness.evidence.examined import Examined, statistics
from seedwitness.evidence.likelihood import calibrate, cllr, left_out, words
from seedwitness.evidence.rates import rate

LEAST = 10
"""Pictures of either kind, below which no ratio is given."""


def scores(
    known: pd.DataFrame, controls: pd.DataFrame, but: str, statistic: records.Statistic
) -> tuple[list[float], list[float]]:
    """Statistics of known pictures and of controls, higher where closer.

    Both are ``records.CONTROLS``; pictures whose pixels have the hash ``but`` are left out.
    """
    sign = 1.0 if statistic.higher_is_closer else -1.0
    found = []
    for table in (known, controls):
        own = table[table["metric"] == statistic.metric]
        best, _ = statistics(own, but, statistic.higher_is_closer)
        found.append([sign * each for each in best])
    return found[0], found[1]


def likelihood(case: Examined, statistic: records.Statistic) -> records.Likelihood | None:
    """The likelihood ratio of a case's statistic; None where too few learned pictures are known."""
    learned, controls = scores(case.known, case.controls, case.target.pixels_sha256, statistic)
    if min(len(learned), len(controls)) < LEAST:
        return None
    sign = 1.0 if statistic.higher_is_closer else -1.0
    calibration = calibrate(learned, controls)
    ratio = calibration.ratio(sign * statistic.value)
    ours, theirs = left_out(learned, controls)
    return records.Likelihood(
        h1=f"{case.checkpoint.name} has learned the target as it has the pictures that it is known "
        "to have learned, and the words that belong to it are among the prompts that were tried, "
        "as theirs were",
        h2=f"{case.checkpoint.name} never saw the target, as it never saw the controls",
        ratio=ratio,
        words=words(ratio),
        learned=len(learned),
        controls=len(controls),
        lowest=calibration.lowest,
        highest=calibration.highest,
        cllr=cllr(ours, theirs),
        misleading_h1=_rate([each < 1 for each in ours], "learned pictures with a ratio below 1"),
        misleading_h2=_rate([each > 1 for each in theirs], "controls with a ratio above 1"),
    )


def _rate(hits: Sequence[bool], what: str) -> records.Rate:
    found = rate(sum(hits), len(hits))
    return records.Rate(hits=found.hits, n=found.n, low=found.low, high=found.high, what=what)
