"""Figures of one case beyond its finding: distributions of scores, and closeness against cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedwitness.errors import RecordError
from seedwitness.records.rates import Rate
from seedwitness.report.figure_evidence import (
    CONTROLS,
    REFERENCE,
    TRIALS,
    BudgetPoint,
    Distribution,
    ScoreGroup,
)
from seedwitness.report.sources import CaseSource
from seedwitness.statistics.distances import distance_of, score_of, with_distance
from seedwitness.statistics.rates import estimate_share
from seedwitness.verdict.case_data import distances_by_trial
from seedwitness.verdict.copy_counts import meets_criteria


def select_controls(source: CaseSource) -> pd.DataFrame:
    """The controls that the finding counts: without the target itself, where it was among them."""
    left_out = source.case.memorised.rank.left_out
    return source.controls[~source.controls["control"].isin(left_out)]


def group_scores(source: CaseSource, metric: str) -> dict[str, pd.Series]:
    """Scores by ``metric``: of the trials, of the reference's, and the closest of each control."""
    higher_is_closer = is_higher_closer(source, metric)
    trials, reference = (
        table.loc[table["metric"] == metric, "score"]
        for table in (source.scores, source.reference_scores)
    )
    controls = select_controls(source)
    distances = with_distance(controls[controls["metric"] == metric])
    closest = distances.groupby("control")["distance"].min()
    groups = {TRIALS: trials, REFERENCE: reference, CONTROLS: score_of(closest, higher_is_closer)}
    return {name: values.reset_index(drop=True) for name, values in groups.items() if len(values)}


def describe_distributions(source: CaseSource) -> list[Distribution]:
    """The distribution of every metric's scores, metrics in the order of the table."""
    distributions = []
    for metric in source.scores["metric"].unique():
        row = source.scores[source.scores["metric"] == metric].iloc[0]
        higher_is_closer = bool(row["higher_is_closer"])
        distributions.append(
            Distribution(
                metric=str(metric),
                version=str(row["version"]),
                label=str(row["label"]),
                weights_sha256=str(row["weights_sha256"]),
                higher_is_closer=higher_is_closer,
                groups=[
                    _describe_group(name, values, higher_is_closer)
                    for name, values in group_scores(source, str(metric)).items()
                ],
            )
        )
    return distributions


def compute_curve(source: CaseSource, metric: str) -> pd.DataFrame:
    """The closest score so far, a row a trial in the order of the search.

    The columns are ``trials, nfe, closest, controls_median, controls_closest, controls_farthest``.
    ``nfe`` sums the case's own trials. Those of the controls are after as many trials each, in the
    order of their table; they are NaN beyond the trials that every control had. Raises RecordError
    where a trial has no score.
    """
    higher_is_closer = is_higher_closer(source, metric)
    scores = with_distance(source.scores[source.scores["metric"] == metric])
    distances = scores.set_index("trial")["distance"]
    missing = sorted(set(source.trials["trial"]) - set(distances.index))
    if missing:
        raise RecordError(
            f"Trial {missing[0]} of {source.search.target} on {source.search.checkpoint} has no "
            f"score by {metric}. Run the stage again: `dvc repro -s -f score`."
        )
    closest = np.minimum.accumulate(distances.loc[source.trials["trial"]].to_numpy())
    table = pd.DataFrame(
        {
            "trials": np.arange(1, len(closest) + 1),
            "nfe": source.trials["nfe"].cumsum().to_numpy(),
            "closest": score_of(closest, higher_is_closer),
            "controls_median": np.nan,
            "controls_closest": np.nan,
            "controls_farthest": np.nan,
        }
    )
    controls = select_controls(source)
    controls = with_distance(controls[controls["metric"] == metric])
    runs = [group["distance"].to_numpy() for _, group in controls.groupby("control")]
    if runs:
        length = min(len(table), *(len(run) for run in runs))
        stacked = np.stack(
            [np.minimum.accumulate(run[:length]) for run in runs]
        )  # [controls, length]
        for column, distance in (
            ("controls_median", np.median(stacked, axis=0)),
            ("controls_closest", stacked.min(axis=0)),
            ("controls_farthest", stacked.max(axis=0)),
        ):
            table.loc[: length - 1, column] = score_of(distance, higher_is_closer)
    return table


def sample_curve(curve: pd.DataFrame) -> list[BudgetPoint]:
    """A curve of ``compute_curve`` at 1, 2, 4, 8 … trials and at its end."""
    rows = [row for row in curve.to_dict("records") if _is_power_of_two(int(row["trials"]))]
    if len(curve) and int(curve["trials"].iloc[-1]) != int(rows[-1]["trials"]):
        rows.append(curve.to_dict("records")[-1])
    return [
        BudgetPoint(
            trials=int(row["trials"]),
            nfe=int(row["nfe"]),
            closest=float(row["closest"]),
            controls_median=finite_or_none(row["controls_median"]),
            controls_closest=finite_or_none(row["controls_closest"]),
            controls_farthest=finite_or_none(row["controls_farthest"]),
        )
        for row in rows
    ]


def estimate_controls_copied(source: CaseSource) -> Rate | None:
    """How many controls came back as a copy at least once, by the criteria as they are stated.

    None where the controls were not scored by all of the criteria's metrics.
    """
    criteria = source.case.memorised.copies.criteria
    controls = select_controls(source)
    if controls.empty:
        return None
    trials = controls.assign(trial=controls["control"] + "\n" + controls["trial"])
    distances = distances_by_trial(trials)
    if not {criterion.metric for criterion in criteria} <= set(distances.columns):
        return None
    hits = meets_criteria(distances, criteria, stated=True)
    by_control = hits.groupby(hits.index.str.partition("\n").get_level_values(0)).any()
    return estimate_share(by_control, "control-copies")


def is_higher_closer(source: CaseSource, metric: str) -> bool:
    """Whether a higher score by ``metric`` is closer. Raises RecordError where it has no scores."""
    directions = source.scores.loc[source.scores["metric"] == metric, "higher_is_closer"]
    if directions.empty:
        raise RecordError(
            f"No trial of {source.search.target} on {source.search.checkpoint} has a score by "
            f"{metric}. Run the stage again: `dvc repro -s -f score`."
        )
    return bool(directions.iloc[0])


def finite_or_none(value: object) -> float | None:
    """A number, or None where a table holds none."""
    number = float(value)  # type: ignore[arg-type]
    return number if np.isfinite(number) else None


def _describe_group(name: str, scores: pd.Series, higher_is_closer: bool) -> ScoreGroup:
    lower, median, upper = (float(value) for value in scores.quantile([0.25, 0.5, 0.75]))
    distances = distance_of(scores, higher_is_closer)
    return ScoreGroup.model_validate(
        {
            "what": name,
            "n": len(scores),
            "closest": score_of(float(distances.min()), higher_is_closer),
            "lower_quartile": lower,
            "median": median,
            "upper_quartile": upper,
            "farthest": score_of(float(distances.max()), higher_is_closer),
        }
    )


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0
