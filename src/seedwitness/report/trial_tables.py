"""Every trial of a case as CSV: of the target, of the reference, of controls and learned images.

Text that others wrote (prompts, names of files) is a JSON string in ASCII, so that no program takes
it for a formula, and nothing in it is hidden. Numbers have all of their digits.
"""

from __future__ import annotations

import csv
import io
import json
from hashlib import sha256
from typing import Any

import pandas as pd

from seedwitness.records.tables import TRIALS
from seedwitness.report.case_copies import find_copies
from seedwitness.report.provenance import TableFile
from seedwitness.report.sources import CaseSource

NOT_SHOWN = {"shard", "row"}  # where the latent lies on the machine that made it
FOREIGN = {"control", "prompt", "negative_prompt"}
RenderedTables = dict[str, tuple[str, int]]
"""The text and the number of rows of each table by what it holds."""

SCORE = "score "
"""What the name of a column of scores begins with; the metric's name follows."""


def render_tables(source: CaseSource) -> RenderedTables:
    """The text and the number of rows of each table by what it holds, the empty ones left out."""
    left_out = set(source.case.memorised.rank.left_out)
    made = source.control_trials
    controls = made[made["use"] == "control"].drop(columns="use")
    controls = controls.assign(left_out=controls["control"].isin(left_out))
    learned = made[made["use"] == "learned"].drop(columns="use")
    tables = {
        "trials": _join_scores(source, source.trials, source.scores, of_target=True),
        "reference": _join_scores(source, source.reference_trials, source.reference_scores),
        "controls": _join_scores(source, controls, source.controls),
        "learned": _join_scores(source, learned, source.learned),
    }
    return {what: (_format_csv(table), len(table)) for what, table in tables.items() if len(table)}


def list_tables(checkpoint: str, tables: RenderedTables) -> list[TableFile]:
    """The tables of a case as the evidence names them."""
    return [
        TableFile(
            path=f"tables/{checkpoint}/{what}.csv",
            what=what,
            rows=rows,
            sha256=sha256(text.encode()).hexdigest(),
        )
        for what, (text, rows) in tables.items()
    ]


def _join_scores(
    source: CaseSource, trials: pd.DataFrame, scores: pd.DataFrame, *, of_target: bool = False
) -> pd.DataFrame:
    """One row a trial: the recipe, its hashes, whether it is a copy, and a column a metric."""
    if trials.empty:
        return trials
    keys = ["control", "trial"] if "control" in trials else ["trial"]
    # A control may have the trial of another: the same recipe gives the same image.
    key = trials[keys].agg("\n".join, axis=1)
    scored = scores.assign(trial=scores[keys].agg("\n".join, axis=1))
    wide = scored.set_index(["trial", "metric"])["score"].unstack()  # noqa: PD010
    metrics = [str(name) for name in scores["metric"].unique()]
    table = trials[[name for name in trials.columns if name not in NOT_SHOWN]].copy()
    copies = find_copies(source, scored, of_target=of_target)
    table["copy"] = key.map(copies).astype("boolean")
    for metric in metrics:
        table[SCORE + metric] = key.map(wide[metric])
    first = [name for name in ("control", "pixels_sha256", "left_out") if name in table]
    own = [name for name in TRIALS if name in table]
    others = [name for name in table if name not in {*first, *own}]
    return table[[*first, *own, *others]]


def _format_csv(table: pd.DataFrame) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow(
            [_format_value(name, value) for name, value in zip(table.columns, row, strict=True)]
        )
    return text.getvalue()


def _format_value(name: str, value: Any) -> str:
    if pd.isna(value):
        return ""
    if name in FOREIGN:
        return json.dumps(value)
    if isinstance(value, float):
        return repr(float(value))
    return str(value).lower() if str(value) in ("True", "False") else str(value)
