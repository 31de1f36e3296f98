"""The same recipes on the reference checkpoint, and what they say against *supported*."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import RecordError
from seedwitness.records.findings import PairedComparison, ReferenceGain
from seedwitness.records.rates import Rate
from seedwitness.records.reasons import Reason
from seedwitness.statistics.ranks import compare_pairs
from seedwitness.verdict.case_data import CaseData, distances_by_trial, find_blind_trials


@dataclass(frozen=True)
class ReferenceComparison:
    """The reference checkpoint beside a case, given the same recipes.

    ``paired`` describes the trials, None where fewer than two can be compared; ``gain`` is the
    test, None where no trial is blind. ``blind_rates``, of copies here and on the reference, is
    None where no trial is blind.
    """

    paired: PairedComparison | None
    gain: ReferenceGain | None
    blind_rates: tuple[Rate, Rate] | None


def compare_with_reference(
    case: CaseData, settings: JudgeSettings, distances: pd.DataFrame
) -> PairedComparison | None:
    """The blind trials of ``distances`` paired with the same recipes on the reference checkpoint.

    None where the checkpoint is the reference itself, or fewer than two trials are blind, which
    show no spread. Raises RecordError where the recipes differ.
    """
    if case.reference is None:
        return None
    reference = replayed_distances(case, settings.metric).reindex(distances.index)
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


def replayed_distances(case: CaseData, metric: str) -> pd.Series:
    """Distances of the replayed trials by ``metric``, by trial.

    Raises RecordError where the replay has other trials than the search.
    """
    assert case.reference is not None
    replayed = distances_by_trial(case.reference_scores)
    searched = set(case.scores["trial"])
    if metric not in replayed or set(replayed[metric].dropna().index) != searched:
        raise RecordError(
            f"The replay of {case.target.name} on {case.reference.name} has other trials than the "
            "search. Run both again: `dvc repro`."
        )
    return replayed[metric]


def find_objection(comparison: ReferenceComparison | None) -> Reason | None:
    """What the reference says against calling a case supported; None where it says nothing.

    The gain is tested at α. The others are vetoes and no further tests: copies on the reference,
    and a target that is closer than the controls there too. It is unlike them, and the line that
    the gain is measured from was not seen so far out.
    """
    if comparison is None:
        return Reason(code="case-is-reference")
    gain = comparison.gain
    if gain is None:
        return Reason(code="reference-no-blind-trials")
    if not gain.rank.is_significant:
        return Reason(
            code="reference-gain-above-alpha",
            values={
                "checkpoint": gain.checkpoint,
                "at_least_as_close": gain.rank.at_least_as_close,
                "controls": gain.rank.controls,
                "p": gain.rank.p,
                "family": gain.rank.family,
                "p_family": gain.rank.p_family,
                "alpha": gain.rank.alpha,
            },
        )
    if gain.reference_p <= gain.rank.alpha:
        return Reason(
            code="reference-ranks-close",
            values={"checkpoint": gain.checkpoint, "p": gain.reference_p},
        )
    if comparison.blind_rates:
        rate, reference_rate = comparison.blind_rates
        if reference_rate.hits and reference_rate.high >= rate.low:
            return Reason(
                code="reference-copies-too",
                values={
                    "checkpoint": gain.checkpoint,
                    "copies": rate.hits,
                    "trials": rate.n,
                    "reference_copies": reference_rate.hits,
                    "reference_trials": reference_rate.n,
                },
            )
    return None
