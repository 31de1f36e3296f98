"""Figures of one case beyond its finding: how scores are spread, and how close by which cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedwitness.errors import RecordError
from seedwitness.records.rates import Rate
from seedwitness.report.evidence import CONTROLS, REFERENCE, TRIALS, Distribution, Group, Spent
from seedwitness.report.sources import CaseSource
from seedwitness.verdict.case_data import by_trial, meets, rate_of


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
    grouped = controls[controls["metric"] == metric].groupby("control")["score"]
    best = grouped.max() if higher else grouped.min()
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
    """The closest score so far, a row a trial: ``trials, nfe, closest, median, low, high``.

    ``nfe`` adds up the case's own trials. ``median``, and ``low`` to ``high`` (closest and farthest
    for a distance), are those of the controls after as many trials, in the order of their table;
    NaN beyond the trials that every control had.
    """
    higher = closer_is_higher(source, metric)
    scores = source.scores[source.scores["metric"] == metric].set_index("trial")["score"]
    missing = sorted(set(source.trials["trial"]) - set(scores.index))
    if missing:
        raise RecordError(
            f"Trial {missing[0]} of {source.search.target} on {source.search.checkpoint} has no "
            f"score by {metric}. Run the stage again: `dvc repro -s -f score`."
        )
    ordered = scores.loc[source.trials["trial"]].to_numpy()
    best = np.maximum.accumulate if higher else np.minimum.accumulate
    table = pd.DataFrame(
        {
            "trials": np.arange(1, len(ordered) + 1),
            "nfe": source.trials["nfe"].cumsum().to_numpy(),
            "closest": best(ordered),
            "median": np.nan,
            "low": np.nan,
            "high": np.nan,
        }
    )
    controls = controls_of(source)
    controls = controls[controls["metric"] == metric]
    runs = [group["score"].to_numpy() for _, group in controls.groupby("control")]
    if runs:
        length = min(len(table), *(len(run) for run in runs))
        stacked = np.stack([best(run[:length]) for run in runs])  # [controls, length]
        table.loc[: length - 1, "median"] = np.median(stacked, axis=0)
        table.loc[: length - 1, "low"] = stacked.min(axis=0)
        table.loc[: length - 1, "high"] = stacked.max(axis=0)
    return table


def spent(table: pd.DataFrame, higher_is_closer: bool) -> list[Spent]:
    """A curve at 1, 2, 4, 8 … trials and at its end."""
    rows = [row for row in table.to_dict("records") if _is_power_of_two(int(row["trials"]))]
    if len(table) and int(table["trials"].iloc[-1]) != int(rows[-1]["trials"]):
        rows.append(table.to_dict("records")[-1])
    close, far = ("high", "low") if higher_is_closer else ("low", "high")
    return [
        Spent(
            trials=int(row["trials"]),
            nfe=int(row["nfe"]),
            closest=float(row["closest"]),
            controls_median=finite(row["median"]),
            controls_closest=finite(row[close]),
            controls_farthest=finite(row[far]),
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
    table = by_trial(wide[["trial", "metric", "score"]])
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
    low, quarter, middle, three, high = (
        float(each) for each in values.quantile([0, 0.25, 0.5, 0.75, 1])
    )
    return Group.model_validate(
        {
            "what": what,
            "n": len(values),
            "closest": high if higher else low,
            "lower_quartile": quarter,
            "median": middle,
            "upper_quartile": three,
            "farthest": low if higher else high,
        }
    )


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0
