"""Would the finding stand, had it been reached in another way? One change at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from seedwitness.config.verdicts import PROMPT_METRIC, JudgeSettings
from seedwitness.imaging.perceptual_fingerprint import MIN_PDQ_QUALITY
from seedwitness.records.findings import CopyCount, Rank, SensitivityVariant
from seedwitness.statistics.ranks import adjust_in_family, rank_among_controls
from seedwitness.verdict.case_data import (
    CaseData,
    about,
    blind_rates,
    compared,
    control_statistics,
    copies,
    distances_by_trial,
    split_half,
)
from seedwitness.verdict.conclusion import ReferenceComparison, conclude


def variants(
    case: CaseData,
    ranked: Rank,
    company: Sequence[float],
    found: CopyCount,
    beside: ReferenceComparison | None,
    settings: JudgeSettings,
) -> list[SensitivityVariant]:
    """The finding with one control fewer, by every other metric, and by each half of the trials.

    What is not changed stays as it was, also ``company``, p of the other cases of the report, and p
    on the reference. Of a case that is refused nothing is to be asked, because none of this could
    change that; nor is one control fewer where the finding has the fewest that it can have.
    """
    wide = distances_by_trial(case.scores)
    done = []
    if _spare(ranked, settings):
        fewer = ranked.model_copy(
            update={
                "controls": ranked.controls - 1,
                "at_least_as_close": min(ranked.at_least_as_close, ranked.controls - 1),
                "p": min(1.0, (1 + ranked.at_least_as_close) / ranked.controls),
                "resolution": 1 / ranked.controls,
            }
        )
        what = "one control fewer, whichever that is, at its worst"
        done.append(_variant(what, adjust_in_family(fewer, company), found, beside, settings))
    for metric in sorted(set(wide.columns) - {settings.metric, PROMPT_METRIC}):
        if metric == "pdq" and case.target.pdq_quality < MIN_PDQ_QUALITY:
            continue  # its distances say nothing of this target
        said = about(case.scores, metric)
        by = f"ranked by {metric}"
        by += f" ({said['label']})" if said["label"] == "lab weights" else ""
        done.append(
            _variant(
                by,
                _ranked(case, metric, wide[metric], settings.alpha, company),
                found,
                _again(case, beside, settings.model_copy(update={"metric": metric}), wide),
                settings,
            )
        )
    for half, what in enumerate(("the one half of the trials", "the other half")):
        part = wide[split_half(wide.index.to_series(), half)]
        if len(part) < 2:
            continue
        own = _ranked(case, settings.metric, part[settings.metric], settings.alpha, company, half)
        halved = _again(case, beside, settings, part)
        done.append(
            _variant(
                what,
                own,
                copies(case, settings, part),
                halved and replace(halved, rates=blind_rates(case, settings, part)),
                settings,
            )
        )
    return done


def _spare(ranked: Rank, settings: JudgeSettings) -> bool:
    """Whether one control fewer is still enough for any finding: else it tells nothing."""
    if ranked.controls <= settings.min_controls:
        return False
    return 1 / ranked.controls * ranked.family <= settings.alpha


def _ranked(
    case: CaseData,
    metric: str,
    distances: pd.Series,
    alpha: float,
    company: Sequence[float],
    half: int | None = None,
) -> Rank:
    best, left_out = control_statistics(case, metric, half)
    own = rank_among_controls(float(distances.min()), best, alpha)
    return adjust_in_family(own.model_copy(update={"left_out": left_out}), company)


def _again(
    case: CaseData,
    beside: ReferenceComparison | None,
    settings: JudgeSettings,
    wide: pd.DataFrame,
) -> ReferenceComparison | None:
    """The reference compared once more; its own p stays as it was, and so do rates of copies."""
    return beside and replace(beside, compared=compared(case, settings, wide))


def _variant(
    what: str,
    ranked: Rank,
    found: CopyCount,
    beside: ReferenceComparison | None,
    settings: JudgeSettings,
) -> SensitivityVariant:
    finding, reasons = conclude([], ranked, found, beside, settings)
    return SensitivityVariant(
        what=what,
        finding=finding,
        why=reasons[0],
        rank=ranked,
        copies=found.rate.hits,
        trials=found.rate.n,
    )
