"""What a finding rests on, and the distances that are read off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from seedwitness.errors import RecordError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.reasons import Reason
from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.target import TargetRecord
from seedwitness.statistics.distances import with_distance
from seedwitness.verdict.image_identity import find_same_image, identify_controls, identify_target


@dataclass(frozen=True)
class CaseData:
    """All that a finding rests on.

    ``scores`` and ``reference_scores`` are ``records.SCORES`` of the same ``trials``
    (``records.TRIALS``). ``controls`` and ``learned``, the images that the checkpoint is known to
    have learned, are ``records.CONTROL_SCORES``; ``prompts`` is ``records.PROMPTS``, and
    ``coded_files`` ``records.CODECS``.

    ``control_trials`` is ``records.CONTROL_TRIALS`` of the controls, and ``reference_controls``
    their scores on the reference checkpoint.

    ``low_information`` says why the target is too flat to be recognised; it is empty where the
    target is not. ``reference`` is None where the checkpoint is the reference itself.
    """

    target: TargetRecord
    checkpoint: CheckpointIdentity
    low_information: Sequence[Reason]
    scores: pd.DataFrame
    controls: pd.DataFrame
    control_trials: pd.DataFrame
    learned: pd.DataFrame
    reference: CheckpointIdentity | None
    reference_scores: pd.DataFrame
    reference_controls: pd.DataFrame
    search: SearchSummary
    prompts: pd.DataFrame
    trials: pd.DataFrame
    coded_files: pd.DataFrame
    scan: SeedScan
    reference_trials: int | None = None
    """How many first trials of each control ran on the reference; None for all of them."""
    refusal_margin: float = 0.0
    """The share by which limits are raised below which an image is too pale to be recognised."""
    planned_controls: int | None = None
    """How many controls were to be drawn at most, where they stop early; None where all were."""


def score_tables(case: CaseData) -> dict[str, pd.DataFrame]:
    """The tables of scores that a finding rests on, by what they hold."""
    return {
        "trials": case.scores,
        "reference-trials": case.reference_scores,
        "control-trials": case.controls,
        "reference-control-trials": case.reference_controls,
        "learned-trials": case.learned,
    }


def distances_by_trial(scores: pd.DataFrame) -> pd.DataFrame:
    """Distances of ``records.SCORES``: one row a trial and one column a metric."""
    return with_distance(scores).set_index(["trial", "metric"])["distance"].unstack()  # noqa: PD010


def split_half(trials: pd.Series, half: int, searches: pd.Series | None = None) -> pd.Series:
    """Which trials belong to half 0 or 1 of their search; ``searches`` names each trial's search.

    Trials alternate between the halves in the order of their ids. These are hashes, so the halves
    depend on no result.
    """
    ordered = trials.sort_values()
    places = ordered.groupby((lambda _: 0) if searches is None else searches).cumcount()
    return places.reindex(trials.index) % 2 != half


def control_distances(
    case: CaseData, metric: str, half: int | None = None
) -> tuple[list[float], list[str]]:
    """The least distance of each control by ``metric``, and the names of those left out.

    Left out are controls that are the target itself. ``half`` takes one half of each control's
    trials, as ``split_half`` does.
    """
    scores = case.controls[case.controls["metric"] == metric]
    if half is not None:
        scores = scores[split_half(scores["trial"], half, scores["control"])]
    return closest_distances(scores, case.target)


def closest_distances(scores: pd.DataFrame, target: TargetRecord) -> tuple[list[float], list[str]]:
    """The least distance over each image's trials, from ``records.CONTROL_SCORES`` of one metric.

    Images that are ``target`` are left out, and their names returned.
    """
    same = find_same_image(identify_target(target), identify_controls(scores))
    left_out = sorted(image.name for image in same)
    others = with_distance(scores[~scores["control"].isin(left_out)])
    return others.groupby("control")["distance"].min().sort_index().tolist(), left_out


def find_ranked_trials(case: CaseData) -> set[str]:
    """The trials that p rests on: the first ones, of which each control had as many.

    The others count in the rate of copies alone. On the reference itself the controls had no more
    trials than ``count_reference_trials``.
    """
    ids = case.trials["trial"].tolist()
    ranked = ids[: max(0, case.search.trials - case.search.rate_trials)]
    if case.reference is None:
        ranked = ranked[: count_reference_trials(case.search, case.reference_trials)]
    return set(ranked)


def count_reference_trials(search: SearchSummary, first: int | None) -> int | None:
    """How many of the ``first`` trials a control had on the reference; None for all of them.

    A sweep gives each of the prompts equally many seeds.
    """
    if first is None:
        return None
    prompts = max(1, len(dict.fromkeys(search.prompts)))
    return first // prompts * prompts


def find_blind_trials(case: CaseData, trials: pd.Index) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of ``trials`` were not chosen by the results of others.

    A trial that was chosen by results is biased towards the checkpoint that gave them.
    """
    return is_blind(case.trials.set_index("trial").loc[trials]).to_numpy()


def is_blind(trials: pd.DataFrame) -> pd.Series:
    """Which rows of ``records.TRIALS`` were not chosen by the results of others."""
    return (trials["parent"] == "") & (trials["variations"] == "")


def find_metric(scores: pd.DataFrame, metric: str) -> pd.Series:
    """A row of ``records.SCORES`` by ``metric``: its version, weights and direction.

    Raises RecordError where no trial has a score by it.
    """
    rows = scores[scores["metric"] == metric]
    if rows.empty:
        raise RecordError(
            f"No trial has a score by {metric}. Add it to score.metrics, or name another metric in "
            "judge."
        )
    return rows.iloc[0]
