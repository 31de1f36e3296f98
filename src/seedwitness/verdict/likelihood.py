"""Two propositions on a case, and how much better one explains its statistic than the other."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.findings import LikelihoodRatio, RankedStatistic
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.statistics.distances import distance_of
from seedwitness.statistics.likelihood_ratio import (
    bootstrap_ratio,
    calibrate,
    cllr,
    find_verbal_strength,
    leave_one_out_ratios,
)
from seedwitness.statistics.rates import estimate_share
from seedwitness.verdict.case_data import CaseData, closest_distances

MIN_IMAGES = 10
"""Learned images and controls, below which no ratio is given."""
STATED_SOURCES = ("corpus", "metadata", "user")
"""Sources of prompts that are not recovered from the pixels."""
BOOTSTRAP_RESAMPLES = 400


def estimate_likelihood_ratio(
    case: CaseData,
    statistic: RankedStatistic,
    exclusions: Sequence[Reason],
    settings: JudgeSettings,
) -> LikelihoodRatio | Reason:
    """The likelihood ratio of a case's statistic, or the reason why there is none.

    There is none where a case is excluded: neither proposition is about an output of the
    checkpoint, for example. There is none where only recovered prompts were tried: the learned
    images were asked for by their own captions. There is none where too few learned images are
    known, where these come no closer than controls, so that the metric does not separate the two,
    or where the ratios of known images mislead on average: Cllr of 1 or more.
    """
    if any(reason.code == "target-generated" for reason in exclusions):
        return Reason(code="likelihood-target-generated")
    if exclusions:
        return Reason(code="likelihood-case-excluded")
    if not case.trials["prompt_source"].isin(STATED_SOURCES).any():
        return Reason(code="likelihood-no-stated-prompt")
    if case.planned_controls is not None:
        return Reason(code="likelihood-controls-stopped")
    learned, controls = (
        _closeness(table, case, statistic) for table in (case.learned, case.controls)
    )
    if min(len(learned), len(controls)) < MIN_IMAGES:
        return Reason(
            code="likelihood-too-few-images",
            values={"learned": len(learned), "controls": len(controls), "needed": MIN_IMAGES},
        )
    calibration = calibrate(learned, controls)
    if calibration.slope <= 0:
        return Reason(code="likelihood-no-separation")
    score = -distance_of(statistic.value, statistic.higher_is_closer)
    ratio, is_capped = calibration.ratio(score), calibration.is_capped(score)
    learned_ratios, controls_ratios = leave_one_out_ratios(learned, controls)
    cost = cllr(learned_ratios, controls_ratios)
    if cost >= 1:
        return Reason(code="likelihood-misleads", values={"cllr": cost})
    low, high = bootstrap_ratio(
        score, learned, controls, resamples=BOOTSTRAP_RESAMPLES, seed=settings.seed
    )
    checkpoint: ReasonValues = {"checkpoint": case.checkpoint.name}
    return LikelihoodRatio(
        h1=Reason(code="comes-back-as-learned", values=checkpoint),
        h2=Reason(code="comes-back-as-unseen", values=checkpoint),
        ratio=ratio,
        low=low,
        high=high,
        is_capped=is_capped,
        support=_describe_support(ratio, is_capped),
        learned=len(learned),
        controls=len(controls),
        lowest=calibration.lowest,
        highest=calibration.highest,
        cllr=cost,
        learned_ratios=learned_ratios,
        controls_ratios=controls_ratios,
        misleading_h1=estimate_share([ratio < 1 for ratio in learned_ratios], "learned-misleading"),
        misleading_h2=estimate_share(
            [ratio > 1 for ratio in controls_ratios], "controls-misleading"
        ),
    )


def _describe_support(ratio: float, is_capped: bool) -> Reason:
    strength = find_verbal_strength(ratio, is_capped=is_capped)
    if strength is None:
        return Reason(code="no-support")
    favours = "H1" if ratio > 1 else "H2"
    return Reason(code="support", values={"strength": strength, "favours": favours})


def _closeness(table: pd.DataFrame, case: CaseData, statistic: RankedStatistic) -> list[float]:
    """Minus the least distance of each image of ``records.CONTROL_SCORES``, without the target."""
    scores = table[table["metric"] == statistic.metric]
    distances, _ = closest_distances(scores, case.target)
    return [-distance for distance in distances]
