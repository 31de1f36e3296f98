"""Every trial as CSV, for whoever has no parquet: the numbers to the last bit, texts as JSON.

A text is written as a JSON string. So a spreadsheet takes none for a formula, and control and
direction characters are spelled out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.bundle.layout import CONTROLS_TABLE, TRIALS_TABLE
from seedwitness.config.stage_settings import JudgeStage, load_stage_settings
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import CONTROL_SCORES, CONTROL_TRIALS, SCORES, TRIALS, read_table
from seedwitness.verdict.case_data import count_reference_trials
from seedwitness.verdict.drawn_controls import cut_to_rank

if TYPE_CHECKING:
    import pandas as pd

RECIPE = [
    *("prompt", "negative_prompt", "seed", "width", "height", "sampler", "steps", "guidance"),
    *("rng", "batch_index", "eta", "variations", "variation_rule", "resize_width"),
    *("resize_height", "dtype", "step_seed", "parent", "nfe", "noise_sha256", "latent_sha256"),
]
TEXTS = ("prompt", "negative_prompt", "control")
SCORE = "score:"


def make_tables(data: Path, target: str, checkpoints: Iterable[str]) -> dict[str, bytes]:
    """``trials.csv`` (target and reference) and ``controls.csv``, from what the stages wrote."""
    names = sorted(checkpoints)
    trials = [row for name in names for row in _list_trials(data, target, name)]
    controls = [row for name in names for row in _list_controls(data, target, name)]
    head = ["checkpoint", "group", "is_ranked", "trial", "order"]
    control_head = ["checkpoint", "control", "pixels_sha256", "is_counted", "trial", "order"]
    return {
        TRIALS_TABLE: format_csv([*head, *RECIPE], trials),
        CONTROLS_TABLE: format_csv([*control_head, *RECIPE], controls),
    }


def format_csv(head: Iterable[str], rows: list[dict[str, Any]]) -> bytes:
    """A table with the columns of ``head``, and then a column for each metric."""
    metrics = sorted({key for row in rows for key in row if key.startswith(SCORE)})
    columns = [*head, *metrics]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_format(name, row.get(name)) for name in columns] for row in rows)
    return text.getvalue().encode()


def _format(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column in TEXTS:
        return json.dumps(value)
    return repr(value) if isinstance(value, float) else str(value)


def _list_trials(data: Path, target: str, checkpoint: str) -> Iterator[dict[str, Any]]:
    score = data / "score" / target / checkpoint
    searched = read_table(data / "search" / target / checkpoint / "trials.parquet", TRIALS)
    recipes = {str(row["trial"]): row for row in _list_rows(searched)}
    ranked = _find_ranked(data, target, checkpoint, searched["trial"].tolist())
    replayed: dict[str, Any] = {}
    if (path := data / "replay" / target / checkpoint / "trials.parquet").exists():
        replayed = {str(row["trial"]): row for row in _list_rows(read_table(path, TRIALS))}
    for group, name in (("target", "scores.parquet"), ("reference", "reference.parquet")):
        scores = _spread(read_table(score / name, SCORES), ["trial"])
        made = recipes if group == "target" else {**_without_hashes(recipes), **replayed}
        for order, trial in enumerate(each for each in recipes if (each,) in scores):
            yield {
                "checkpoint": checkpoint,
                "group": group,
                "is_ranked": int(trial in ranked[group]),
                "order": order,
                **{key: made[trial][key] for key in ("trial", *RECIPE)},
                **scores[(trial,)],
            }


def _find_ranked(
    data: Path, target: str, checkpoint: str, trials: list[str]
) -> dict[str, set[str]]:
    """The trials that p rests on, and those that the gain takes from the reference."""
    settings = load_stage_settings("judge", JudgeStage, data.parent)
    search = data / "search" / target / checkpoint
    summary = read_document(SearchSummary, search / "search.json")
    limit = count_reference_trials(summary, settings.reference_trials)
    ranked = trials[: summary.trials - summary.rate_trials]
    if checkpoint == settings.judge.reference:
        ranked = ranked[:limit]
    return {"target": set(ranked), "reference": set(ranked[:limit])}


def _without_hashes(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The recipes alone, where the hashes of what they gave were not kept."""
    blank = {"noise_sha256": None, "latent_sha256": None}
    return {trial: {**row, **blank} for trial, row in rows.items()}


def _list_controls(data: Path, target: str, checkpoint: str) -> Iterator[dict[str, Any]]:
    folder = data / "controls" / checkpoint
    finding = read_document(CaseFindings, data / "judge" / target / checkpoint / "finding.json")
    left_out = set(finding.memorised.rank.left_out)
    whole = read_table(folder / "controls.parquet", CONTROL_SCORES)
    table = cut_to_rank(whole, finding.memorised.rank)
    scores = _spread(table, ["control", "trial"])
    pixels = dict(zip(table["control"], table["pixels_sha256"], strict=True))
    made: dict[tuple[str, str], Mapping[str, Any]] = {}
    if (path := folder / "trials.parquet").exists():
        rows = _list_rows(read_table(path, CONTROL_TRIALS))
        made = {
            (str(row["control"]), str(row["trial"])): row for row in rows if row["use"] == "control"
        }
    for order, (control, trial) in enumerate(scores):
        yield {
            "checkpoint": checkpoint,
            "control": control,
            "pixels_sha256": pixels[control],
            "is_counted": int(control not in left_out),
            "trial": trial,
            "order": order,
            **{key: made.get((control, trial), {}).get(key) for key in RECIPE},
            **scores[control, trial],
        }


def _spread(scores: pd.DataFrame, key: list[str]) -> dict[tuple[str, ...], dict[str, float]]:
    """The scores of each key, a column a metric, in the order of the table."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    columns = [scores[name].tolist() for name in (*key, "metric", "score")]
    for *place, metric, score in zip(*columns, strict=True):
        found.setdefault(tuple(map(str, place)), {})[f"{SCORE}{metric}"] = float(score)
    return found


def _list_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
