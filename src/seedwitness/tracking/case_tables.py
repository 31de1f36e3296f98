"""Read a case's trials, scores, parameters and findings in the form in which they are published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.errors import RecordError
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import SCORES, TRIALS, read_table
from seedwitness.tracking.contents import CASE_STAGES, DATA_FOLDER, CaseFiles

if TYPE_CHECKING:
    import pandas as pd

# Tables that `score` writes: the recipes on the checkpoint itself, and on the reference.
SCORE_TABLES = {"": "scores.parquet", "reference/": "reference.parquet"}
# Recipe columns that become parameters of a case if all its trials have the same value.
RECIPE_SETTINGS = ["sampler", "steps", "guidance", "negative_prompt", "eta", "rng", "dtype"]
RECIPE_SETTINGS += ["width", "height"]
REPLAY_COLUMNS = ("noise_sha256", "latent_sha256", "shard", "row")


def read_trial_table(case: CaseFiles) -> pd.DataFrame:
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


def collect_scores(table: pd.DataFrame) -> dict[str, list[tuple[int, float]]]:
    """Collect each score of a case as (number of the trial, value), without missing values.

    The columns of the search itself are left out; they are in the table.
    """
    skipped = {f"reference/{name}" for name in REPLAY_COLUMNS} | set(TRIALS)
    scores: dict[str, list[tuple[int, float]]] = {}
    for name in table.columns:
        if name not in skipped:
            present = table[name].dropna()
            scores[name] = list(zip(present.index.tolist(), present.tolist(), strict=True))
    return scores


def collect_parameters(case: CaseFiles, table: pd.DataFrame) -> dict[str, str]:
    """Collect the parameters of search, recipes and metrics from the case's own files."""
    import pandas as pd

    folder = DATA_FOLDER / "search" / case.target / case.checkpoint
    search = read_document(SearchSummary, folder / "search.json").model_dump()
    parameters = {f"search.{key}": value for key, value in search.items()}
    for name in RECIPE_SETTINGS:
        values = table[name].unique().tolist()
        if len(values) == 1:
            parameters[f"recipe.{name}"] = values[0]
    path = DATA_FOLDER / "score" / case.target / case.checkpoint / SCORE_TABLES[""]
    for row in read_table(path, SCORES).drop_duplicates("metric").itertuples():
        for key in ("version", "label", "weights_sha256", "higher_is_closer"):
            value = getattr(row, key)
            parameters[f"metric.{row.metric}.{key}"] = "" if pd.isna(value) else value
    return {key: format_value(value) for key, value in parameters.items()}


def read_findings(case: CaseFiles) -> tuple[dict[str, str], dict[str, float]]:
    """Read the findings of a case: the answers, and the figures behind them."""
    path = DATA_FOLDER / "judge" / case.target / case.checkpoint / "finding.json"
    findings = read_document(CaseFindings, path)
    answers = {"memorised": findings.memorised.finding, "generated": findings.generated.finding}
    figures = {
        "finding/statistic": findings.memorised.statistic.value,
        "finding/p": findings.memorised.rank.p,
        "finding/p_family": findings.memorised.rank.p_family,
        "finding/copies": float(findings.memorised.copies.rate.hits),
    }
    return dict(answers), figures


def flatten_settings(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Flatten nested settings to pairs of ``a.b.c`` and text."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten_settings(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, format_value(value)


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
