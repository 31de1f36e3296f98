"""The same recipes on the reference checkpoint, and what they say against *supported*."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import RecordError
from seedwitness.records.findings import PairedComparison
from seedwitness.records.rates import Rate
from seedwitness.records.reasons import Reason
from seedwitness.statistics.ranks import compare_pairs
from seedwitness.verdict.case_data import CaseData, distances_by_trial, find_blind_trials


@dataclass(frozen=True)
class ReferenceComparison:
    """The reference checkpoint beside a case, given the same recipes.

    ``paired`` is None where nothing could be compared. ``blind_rates``, of copies here and on the
    reference, is None where no trial is blind. ``reference_p`` is p of the target's rank on the
    reference among the same controls, None where the reference is not itself ranked in this report.
    """

    paired: PairedComparison | None
    blind_rates: tuple[Rate, Rate] | None
    reference_p: float | None


def compare_with_reference(
    case: CaseData, settings: JudgeSettings, distances: pd.DataFrame
) -> PairedComparison | None:
    """The blind trials of ``distances`` paired with the same recipes on the reference checkpoint.

    None where the checkpoint is the reference itself, or fewer than two trials are blind, which
    show no spread. Raises RecordError where the recipes differ.
    """
    if case.reference is None:
        return None
    replayed = distances_by_trial(case.reference_scores).reindex(columns=distances.columns)
    reference = replayed[settings.metric].reindex(distances.index)
    if reference.isna().any() or set(case.reference_scores["trial"]) != set(case.scores["trial"]):
        raise RecordError(
            f"The replay of {case.target.name} on {case.reference.name} has other trials than the "
            "search. Run both again: `dvc repro`."
        )
    blind = find_blind_trials(case, distances.index)
    if blind.sum() < 2:
        return None
    prompts = case.trials.set_index("trial").loc[distances.index, "prompt"]
    return compare_pairs(
        distances.loc[blind, settings.metric].tolist(),
        reference[blind].tolist(),
        prompts[blind].tolist(),
        resamples=settings.resamples,
        seed=settings.seed,
        checkpoint=case.reference.name,
        checkpoint_sha256=case.reference.sha256,
        metric=settings.metric,
        blind_only=not blind.all(),
    )


def find_objection(
    comparison: ReferenceComparison | None, settings: JudgeSettings
) -> Reason | None:
    """What the reference says against calling a case supported; None where it says nothing.

    These are vetoes, not further tests at α: few trials of the right prompt could never pass those.
    """
    if comparison is None:
        return Reason(code="case-is-reference")
    paired = comparison.paired
    if paired is None:
        return Reason(code="reference-too-few-blind-trials")
    if paired.low == paired.high:
        return Reason(code="reference-without-spread", values={"difference": paired.difference})
    if not paired.low > 0:
        return Reason(
            code="reference-as-close",
            values={
                "checkpoint": paired.checkpoint,
                "difference": paired.difference,
                "low": paired.low,
                "high": paired.high,
            },
        )
    if comparison.blind_rates:
        rate, reference_rate = comparison.blind_rates
        if reference_rate.hits and reference_rate.high >= rate.low:
            return Reason(
                code="reference-copies-too",
                values={
                    "checkpoint": paired.checkpoint,
                    "copies": rate.hits,
                    "trials": rate.n,
                    "reference_copies": reference_rate.hits,
                    "reference_trials": reference_rate.n,
                },
            )
    if comparison.reference_p is not None and comparison.reference_p <= settings.alpha:
        return Reason(
            code="reference-ranks-close",
            values={"checkpoint": paired.checkpoint, "p": comparison.reference_p},
        )
    return None
