"""Read a case's trials, scores, parameters and findings in the form in which they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.errors import RecordError
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import (
    CONTROL_SCORES,
    CONTROL_TRIALS,
    SCORES,
    TRIALS,
    read_table,
)
from seedwitness.runtime.nested import list_entries
from seedwitness.tracking.contents import CASE_STAGES, DATA_FOLDER, ChildFiles

if TYPE_CHECKING:
    import pandas as pd

# Tables that `score` writes: the recipes on the checkpoint itself, and on the reference.
SCORE_TABLES = {"": "scores.parquet", "reference/": "reference.parquet"}
TRIALS_FILE = "trials.json"
# Tables that `controls` writes, by the use of an image.
CONTROL_TABLES = {"control": "controls.parquet", "learned": "learned.parquet"}
# Recipe columns that become parameters of a case if all its trials have the same value.
RECIPE_SETTINGS = ["sampler", "steps", "guidance", "negative_prompt", "eta", "rng", "dtype"]
RECIPE_SETTINGS += ["width", "height"]
REPLAY_COLUMNS = ("noise_sha256", "latent_sha256", "shard", "row")


def read_trial_table(case: ChildFiles) -> pd.DataFrame:
    """Read the table of trials × scores: one row per trial in search order, one column per score.

    Scores on the reference checkpoint are in ``reference/METRIC``, hashes of its noise and latent
    in ``reference/noise_sha256`` and so on. Raises RecordError if a trial or a score is duplicated,
    or belongs to no trial.
    """
    folders = {stage: DATA_FOLDER / stage / case.target / case.checkpoint for stage in CASE_STAGES}
    table = read_table(folders["search"] / "trials.parquet", TRIALS)
    _require_unique(table["trial"], folders["search"] / "trials.parquet")
    for prefix, name in SCORE_TABLES.items():
        path = folders["score"] / name
        scores = read_table(path, SCORES)
        _require_known(scores["trial"], table["trial"], path)
        for metric, part in scores.groupby("metric", sort=False):
            _require_unique(part["trial"], path)
            table[f"{prefix}{metric}"] = table["trial"].map(part.set_index("trial")["score"])
    replay_path = folders["replay"] / "trials.parquet"
    replayed = read_table(replay_path, TRIALS).set_index("trial")
    _require_unique(replayed.index, replay_path)
    _require_known(replayed.index, table["trial"], replay_path)
    for name in REPLAY_COLUMNS:
        table[f"reference/{name}"] = table["trial"].map(replayed[name])
    return table


def read_control_table(controls: ChildFiles) -> pd.DataFrame:
    """Read the trials of the controls and learned images of a checkpoint, a column for each score.

    A row is one trial on one image, whose name is in ``control``. Raises RecordError as
    ``read_trial_table``.
    """
    import pandas as pd

    folder = DATA_FOLDER / "controls" / controls.checkpoint
    path = folder / "trials.parquet"
    table = read_table(path, CONTROL_TRIALS)
    key = ["use", "control", "trial"]
    _require_unique(pd.Series(list(map(tuple, table[key].to_numpy().tolist()))), path)
    for use, name in CONTROL_TABLES.items():
        scores = read_table(folder / name, CONTROL_SCORES).assign(use=use)
        wide = scores.set_index([*key, "metric"])["score"].unstack("metric")  # noqa: PD010
        known = set(map(tuple, table[key].to_numpy().tolist()))
        _require_known(wide.index.tolist(), known, folder / name)
        indexed = table.set_index(key).index
        for metric in wide.columns:
            values = wide[metric].reindex(indexed).to_numpy()
            column = table[metric] if metric in table else float("nan")
            table[metric] = pd.Series(values, table.index).where(table["use"] == use, column)
    return table


def collect_scores(table: pd.DataFrame) -> dict[str, list[tuple[int, float]]]:
    """Collect each score as a series (number of the trial, value), without missing values.

    The names are ``trial/METRIC``; what MLflow shows for a series is its last value, so the name
    says that it is one of many. The columns of the search itself are left out.
    """
    scores: dict[str, list[tuple[int, float]]] = {}
    for name in _list_score_columns(table):
        present = table[name].dropna()
        values = list(zip(present.index.tolist(), present.tolist(), strict=True))
        scores[f"trial/{name}"] = values
    return scores


def _list_score_columns(table: pd.DataFrame) -> list[str]:
    skipped = {f"reference/{name}" for name in REPLAY_COLUMNS} | set(CONTROL_TRIALS)
    return [name for name in table.columns if name not in skipped]


def collect_parameters(child: ChildFiles, table: pd.DataFrame) -> dict[str, str]:
    """Collect the parameters of search, recipes and metrics from the run's own files."""
    import pandas as pd

    parameters: dict[str, Any] = {}
    if child.kind == "case":
        folder = DATA_FOLDER / "search" / child.target / child.checkpoint
        search = read_document(SearchSummary, folder / "search.json").model_dump()
        parameters |= {f"search.{key}": value for key, value in search.items()}
        scores = _read_scores(child)
    else:
        path = DATA_FOLDER / "controls" / child.checkpoint / CONTROL_TABLES["control"]
        scores = read_table(path, CONTROL_SCORES)
    for name in RECIPE_SETTINGS:
        values = table[name].unique().tolist()
        if len(values) == 1:
            parameters[f"recipe.{name}"] = values[0]
    for row in scores.drop_duplicates("metric").itertuples():
        for key in ("version", "label", "weights_sha256", "higher_is_closer"):
            value = getattr(row, key)
            parameters[f"metric.{row.metric}.{key}"] = "" if pd.isna(value) else value
    return {key: format_value(value) for key, value in parameters.items()}


def read_findings(case: ChildFiles, table: pd.DataFrame) -> tuple[dict[str, str], dict[str, float]]:
    """Read the findings of a case as tags, and the figures of its report by name.

    ``best/METRIC`` is the closest score of all trials, ``finding/…`` what the finding rests on, and
    ``rate/copies`` of ``rate/trials`` with its 95 % interval from ``rate/low`` to ``rate/high``.
    """
    path = DATA_FOLDER / "judge" / case.target / case.checkpoint / "finding.json"
    findings = read_document(CaseFindings, path)
    memorised, rate = findings.memorised, findings.memorised.copies.rate
    answers: dict[str, str] = {
        "seedwitness.memorised": memorised.finding,
        "seedwitness.generated": findings.generated.finding,
    }
    figures = {
        "finding/p_family": memorised.rank.p_family,
        "finding/p": memorised.rank.p,
        "finding/statistic": memorised.statistic.value,
        "rate/copies": rate.value,
        "rate/low": rate.low,
        "rate/high": rate.high,
        "rate/trials": float(rate.n),
    }
    for row in _read_scores(case).drop_duplicates("metric").itertuples():
        scores = table[str(row.metric)].dropna()
        figures[f"best/{row.metric}"] = float(
            scores.max() if row.higher_is_closer else scores.min()
        )
    return answers, figures


def _read_scores(case: ChildFiles) -> pd.DataFrame:
    folder = DATA_FOLDER / "score" / case.target / case.checkpoint
    return read_table(folder / SCORE_TABLES[""], SCORES)


def flatten_settings(settings: object) -> dict[str, str]:
    """Nested settings by their dotted names, each value as text."""
    return {name: format_value(value) for name, value in list_entries(settings)}


def format_value(value: object) -> str:
    """Format a value: text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def format_table(table: pd.DataFrame) -> str:
    """Format a table as MLflow shows it: JSON, pandas' orient "split", floats to the last digit.

    Missing values are null.
    """
    with_nulls = table.astype(object).where(table.notna(), None)
    columns = [with_nulls[name].tolist() for name in table.columns]
    rows = list(zip(*columns, strict=True))
    return json.dumps({"columns": list(table.columns), "data": rows}, ensure_ascii=False)


def _require_unique(trials: Any, path: Path) -> None:
    duplicates = trials[trials.duplicated()]
    if len(duplicates):
        raise RecordError(
            f"{path} holds the trial {duplicates.tolist()[0]} twice. Run its stage again: "
            "`dvc repro -s -f STAGE`."
        )


def _require_known(trials: Any, known: Any, path: Path) -> None:
    unknown = set(trials) - set(known)
    if unknown:
        raise RecordError(
            f"{path} holds {min(unknown)}, which is no trial of the search. Run `dvc repro`."
        )
