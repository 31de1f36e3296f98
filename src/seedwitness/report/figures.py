"""Figures of one case beyond its finding: how scores are spread, and how close by which cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedwitness.errors import RecordError
from seedwitness.records.rates import Rate
from seedwitness.report.evidence import CONTROLS, REFERENCE, TRIALS, Distribution, Group, Spent
from seedwitness.report.sources import CaseSource
from seedwitness.statistics.distances import distance_of, score_of, with_distance
from seedwitness.verdict.case_data import distances_by_trial, meets, rate_of


def controls_of(source: CaseSource) -> pd.DataFrame:
    """The controls that the finding counts: without the target itself, where it was among them."""
    left_out = source.case.memorised.rank.left_out
    return source.controls[~source.controls["control"].isin(left_out)]


def spreads(source: CaseSource, metric: str) -> dict[str, pd.Series]:
    """Scores by ``metric``: of the trials, of the reference's, and the closest of each control."""
    higher = closer_is_higher(source, metric)
    own, theirs = (
        table.loc[table["metric"] == metric, "score"]
        for table in (source.scores, source.reference_scores)
    )
    controls = controls_of(source)
    grouped = with_distance(controls[controls["metric"] == metric]).groupby("control")["distance"]
    best = score_of(grouped.min(), higher)
    found = {TRIALS: own, REFERENCE: theirs, CONTROLS: best}
    return {what: values.reset_index(drop=True) for what, values in found.items() if len(values)}


def distributions(source: CaseSource) -> list[Distribution]:
    """The spread of every metric's scores, metrics in the order of the table."""
    found = []
    for metric in source.scores["metric"].unique():
        about = source.scores[source.scores["metric"] == metric].iloc[0]
        higher = bool(about["higher_is_closer"])
        found.append(
            Distribution(
                metric=str(metric),
                version=str(about["version"]),
                label=str(about["label"]),
                weights_sha256=str(about["weights_sha256"]),
                higher_is_closer=higher,
                groups=[
                    _group(what, values, higher)
                    for what, values in spreads(source, str(metric)).items()
                ],
            )
        )
    return found


def curve(source: CaseSource, metric: str) -> pd.DataFrame:
    """The closest score so far, a row a trial.

    The columns are ``trials, nfe, closest, controls_median, controls_closest, controls_farthest``.
    ``nfe`` adds up the case's own trials. Those of the controls are after as many trials each, in
    the order of their table; NaN beyond the trials that every control had.
    """
    higher = closer_is_higher(source, metric)
    own = with_distance(source.scores[source.scores["metric"] == metric])
    distances = own.set_index("trial")["distance"]
    missing = sorted(set(source.trials["trial"]) - set(distances.index))
    if missing:
        raise RecordError(
            f"Trial {missing[0]} of {source.search.target} on {source.search.checkpoint} has no "
            f"score by {metric}. Run the stage again: `dvc repro -s -f score`."
        )
    ordered = distances.loc[source.trials["trial"]].to_numpy()
    table = pd.DataFrame(
        {
            "trials": np.arange(1, len(ordered) + 1),
            "nfe": source.trials["nfe"].cumsum().to_numpy(),
            "closest": score_of(np.minimum.accumulate(ordered), higher),
            "controls_median": np.nan,
            "controls_closest": np.nan,
            "controls_farthest": np.nan,
        }
    )
    controls = controls_of(source)
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
            table.loc[: length - 1, column] = score_of(distance, higher)
    return table


def spent(table: pd.DataFrame) -> list[Spent]:
    """A curve at 1, 2, 4, 8 … trials and at its end."""
    rows = [row for row in table.to_dict("records") if _is_power_of_two(int(row["trials"]))]
    if len(table) and int(table["trials"].iloc[-1]) != int(rows[-1]["trials"]):
        rows.append(table.to_dict("records")[-1])
    return [
        Spent(
            trials=int(row["trials"]),
            nfe=int(row["nfe"]),
            closest=float(row["closest"]),
            controls_median=finite(row["controls_median"]),
            controls_closest=finite(row["controls_closest"]),
            controls_farthest=finite(row["controls_farthest"]),
        )
        for row in rows
    ]


def controls_copied(source: CaseSource) -> Rate | None:
    """How many controls came back as a copy at least once, by the case's own criteria.

    None where the controls were not scored by all of the criteria's metrics.
    """
    copies = source.case.memorised.copies
    controls = controls_of(source)
    if controls.empty:
        return None
    wide = controls.assign(trial=controls["control"] + "\n" + controls["trial"])
    table = distances_by_trial(wide)
    if not {each.metric for each in copies.criteria} <= set(table.columns):
        return None
    hits = meets(table, copies.criteria)
    hit = hits.groupby(hits.index.str.partition("\n").get_level_values(0)).any()
    return rate_of(hit, "controls with at least one copy of themselves")


def closer_is_higher(source: CaseSource, metric: str) -> bool:
    """Whether a higher score by ``metric`` is closer. Raises RecordError where it has no scores."""
    own = source.scores.loc[source.scores["metric"] == metric, "higher_is_closer"]
    if own.empty:
        raise RecordError(
            f"No trial of {source.search.target} on {source.search.checkpoint} has a score by "
            f"{metric}. Run the stage again: `dvc repro -s -f score`."
        )
    return bool(own.iloc[0])


def finite(value: object) -> float | None:
    """A number, or None where a table holds none."""
    number = float(value)  # type: ignore[arg-type]
    return number if np.isfinite(number) else None


def _group(what: str, values: pd.Series, higher: bool) -> Group:
    quarter, middle, three = (float(each) for each in values.quantile([0.25, 0.5, 0.75]))
    distances = distance_of(values, higher)
    return Group.model_validate(
        {
            "what": what,
            "n": len(values),
            "closest": score_of(float(distances.min()), higher),
            "lower_quartile": quarter,
            "median": middle,
            "upper_quartile": three,
            "farthest": score_of(float(distances.max()), higher),
        }
    )


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0
