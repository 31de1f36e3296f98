"""What a checkpoint gains over the reference, ranked among the gains of the controls."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.findings import ReferenceGain
from seedwitness.statistics.distances import score_of, with_distance
from seedwitness.statistics.ranks import adjust_in_family, rank_among_controls
from seedwitness.statistics.residual_ranks import fit_residuals
from seedwitness.verdict.case_data import (
    CaseData,
    control_distances,
    find_blind_trials,
    find_metric,
    is_blind,
    split_half,
)
from seedwitness.verdict.reference_comparison import replayed_distances


def rank_gain(
    case: CaseData, settings: JudgeSettings, distances: pd.DataFrame, half: int | None = None
) -> ReferenceGain | None:
    """Rank of the target's gain over the reference, from the blind trials of ``distances``.

    Only blind trials count, which ran by the same recipes on both checkpoints, for the target and
    for each control; a control without any is left out. ``half`` takes one half of each control's
    trials. None where the checkpoint is the reference itself, or no trial is blind.
    """
    if case.reference is None:
        return None
    blind = find_blind_trials(case, distances.index)
    if not blind.any():
        return None
    metric = settings.metric
    replayed = replayed_distances(case, metric).reindex(distances.index)
    closest, reference_closest = distances.loc[blind, metric].min(), replayed[blind].min()
    controls = pair_controls(case, metric, half)
    on_reference = controls["reference"].tolist()
    residuals = fit_residuals(
        closest, reference_closest, controls["distance"].tolist(), on_reference
    )
    reference_rank = rank_among_controls(reference_closest, on_reference, settings.alpha)
    rank = rank_among_controls(residuals.target, residuals.controls.tolist(), settings.alpha)
    left_out = sorted(set(case.controls["control"]) - set(controls.index))
    higher_is_closer = bool(find_metric(case.scores, metric)["higher_is_closer"])
    return ReferenceGain(
        checkpoint=case.reference.name,
        checkpoint_sha256=case.reference.sha256,
        metric=metric,
        blind_only=not blind.all(),
        score=score_of(float(closest), higher_is_closer),
        reference_score=score_of(float(reference_closest), higher_is_closer),
        reference_p=reference_rank.p,
        slope=residuals.slope,
        gain=-residuals.target,
        rank=rank.model_copy(update={"left_out": left_out}),
    )


def adjust_gain(gain: ReferenceGain | None, family_p: Sequence[float]) -> ReferenceGain | None:
    """A gain whose p is adjusted by Holm for p of the other cases; None for None."""
    if gain is None:
        return None
    return gain.model_copy(update={"rank": adjust_in_family(gain.rank, family_p)})


def pair_controls(case: CaseData, metric: str, half: int | None = None) -> pd.DataFrame:
    """Least ``distance`` of each control and least distance on the ``reference``, by control.

    Both are over the control's blind trials that ran on both checkpoints. A control that is the
    target itself is left out, and so is one without such trials.
    """
    _, itself = control_distances(case, metric)
    blind = case.control_trials[is_blind(case.control_trials)]
    here, there = (
        with_distance(table[table["metric"] == metric])
        for table in (case.controls, case.reference_controls)
    )
    keys = ["pixels_sha256", "trial"]
    here = here[~here["control"].isin(itself)].merge(blind[keys], on=keys)
    if half is not None:
        here = here[split_half(here["trial"], half, here["control"])]
    both = here.merge(there[[*keys, "distance"]], on=keys, suffixes=("", "_reference"))
    paired = both.rename(columns={"distance_reference": "reference"})
    return paired.groupby("control")[["distance", "reference"]].min()
