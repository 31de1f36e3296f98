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
    count_reference_trials,
    find_blind_trials,
    find_metric,
    find_ranked_trials,
    is_blind,
    split_half,
)
from seedwitness.verdict.reference_comparison import replayed_distances


def rank_gain(
    case: CaseData, settings: JudgeSettings, distances: pd.DataFrame, half: int | None = None
) -> ReferenceGain | None:
    """Rank of the target's gain over the reference, from the blind trials of ``distances``.

    Only blind trials count, of the target and of each control; on the reference, those of their
    recipes that the controls ran there. A control without any is left out. ``half`` takes one half
    of each control's trials on the checkpoint. The closest trials are over different numbers of
    trials on the two checkpoints, but over the same ones for the target and each control, so the
    rank is exact whatever the reference shows. None where the checkpoint is the reference itself,
    or no trial is blind.
    """
    if case.reference is None:
        return None
    distances = distances[distances.index.isin(find_ranked_trials(case))]
    blind = find_blind_trials(case, distances.index)
    there = _find_replayed(case)
    if not (blind.any() and there):
        return None
    metric = settings.metric
    replayed = replayed_distances(case, metric)
    closest, reference_closest = distances.loc[blind, metric].min(), replayed[there].min()
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


def _find_replayed(case: CaseData) -> list[str]:
    """The blind trials that p rests on, as far as the controls ran theirs on the reference too."""
    scored = case.trials[case.trials["trial"].isin(case.scores["trial"])]
    limit = count_reference_trials(case.search, case.reference_trials)
    first = scored if limit is None else scored.head(limit)
    ranked = find_ranked_trials(case)
    return [trial for trial in first.loc[is_blind(first), "trial"] if trial in ranked]


def adjust_gain(gain: ReferenceGain | None, family_p: Sequence[float]) -> ReferenceGain | None:
    """A gain whose p is adjusted by Holm for p of the other cases; None for None."""
    if gain is None:
        return None
    return gain.model_copy(update={"rank": adjust_in_family(gain.rank, family_p)})


def pair_controls(case: CaseData, metric: str, half: int | None = None) -> pd.DataFrame:
    """Least ``distance`` of each control and least distance on the ``reference``, by control.

    The first is over the control's blind trials, the second over those of them that ran on the
    reference. A control that is the target itself is left out, and so is one without such trials.
    """
    _, itself = control_distances(case, metric)
    blind = case.control_trials[is_blind(case.control_trials)]
    here, there = (
        with_distance(table[table["metric"] == metric])
        for table in (case.controls, case.reference_controls)
    )
    keys = ["pixels_sha256", "trial"]
    here = here[~here["control"].isin(itself)].merge(blind[keys], on=keys)
    both = here.merge(there[[*keys, "distance"]], on=keys, suffixes=("", "_reference"))
    if half is not None:
        here = here[split_half(here["trial"], half, here["control"])]
    closest = {
        "distance": here.groupby("control")["distance"].min(),
        "reference": both.groupby("control")["distance_reference"].min(),
    }
    return pd.DataFrame(closest).dropna()
