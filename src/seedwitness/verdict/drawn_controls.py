"""Which controls a case is compared with, where they are drawn until its answer at α is known.

Controls are drawn in a deterministic order that depends on no result. All targets of a checkpoint
share them: those that are drawn for one are there for the others, and each target stops at its own
place in the same order. So a finding depends on no other target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import RecordError
from seedwitness.records.findings import Rank
from seedwitness.statistics.distances import with_distance
from seedwitness.statistics.ranks import rank_among_controls
from seedwitness.statistics.sequential_ranks import SequentialRank, rank_in_sequence
from seedwitness.verdict.case_data import CaseData, find_ranked_trials
from seedwitness.verdict.image_identity import find_same_image, identify_controls, identify_target


def list_in_order(scores: pd.DataFrame, metric: str) -> pd.Series:
    """The least distance of each control by ``metric``, in the order in which they were drawn.

    ``scores`` is ``records.CONTROL_SCORES``, whose rows are in that order.
    """
    rows = with_distance(scores[scores["metric"] == metric])
    return rows.groupby("control", sort=False)["distance"].min()


def find_closest(scores: pd.DataFrame, metric: str, ranked: Sequence[str] | set[str]) -> float:
    """The least distance over the ``ranked`` trials of ``records.SCORES`` by ``metric``."""
    rows = scores[(scores["metric"] == metric) & scores["trial"].isin(list(ranked))]
    return float(with_distance(rows)["distance"].min())


def keep_drawn_controls(case: CaseData, settings: JudgeSettings) -> CaseData:
    """The case with the controls up to its own stop, where ``case.planned_controls`` says how many
    were planned; as it is where all were drawn.

    The reference is compared with all of its controls, which run few trials. Raises RecordError
    where there are too few controls for the answer.
    """
    if case.planned_controls is None or case.reference is None:
        return replace(case, planned_controls=None)
    same = find_same_image(identify_target(case.target), identify_controls(case.controls))
    itself = {image.name for image in same}
    drawn = list_in_order(case.controls, settings.metric)
    others = drawn[~drawn.index.isin(itself)]
    closest = find_closest(case.scores, settings.metric, find_ranked_trials(case))
    planned = case.planned_controls - len(itself)
    found = rank_in_sequence(closest, others.tolist(), planned, settings.alpha)
    if not found.is_decided:
        raise RecordError(
            f"{found.drawn} of {planned} controls of {case.checkpoint.name} were drawn, and "
            f"{case.target.name} needs more. Run the stage `controls` again: `dvc repro`."
        )
    kept = {*others.index[: found.drawn], *itself}
    return replace(
        case,
        controls=case.controls[case.controls["control"].isin(kept)].reset_index(drop=True),
        planned_controls=planned if found.is_stopped else None,
    )


def cut_to_rank(controls: pd.DataFrame, rank: Rank) -> pd.DataFrame:
    """The rows of ``records.CONTROL_SCORES`` that a rank counts, and those that it leaves out."""
    if not rank.is_stopped:
        return controls
    names = controls["control"].drop_duplicates()
    others = names[~names.isin(rank.left_out)].head(rank.controls)
    return controls[controls["control"].isin([*others, *rank.left_out])].reset_index(drop=True)


def rank_drawn(distance: float, controls: pd.Series, planned: int | None, alpha: float) -> Rank:
    """The rank among the controls in the order drawn; ``planned`` as in ``CaseData``."""
    rank = rank_among_controls(distance, controls.tolist(), alpha)
    if planned is None:
        return rank
    found: SequentialRank = rank_in_sequence(distance, controls.tolist(), planned, alpha)
    if not found.is_stopped:
        raise RecordError("The controls were drawn for another target: run `dvc repro`.")
    whole = rank_among_controls(distance, [distance] * planned, alpha)
    return whole.model_copy(
        update={
            "at_least_as_close": found.at_least_as_close,
            "controls": found.drawn,
            "p": found.p,
            "p_family": found.p,
        }
    )
