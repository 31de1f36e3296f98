"""The figures of all cases in three small files, which DVC shows and compares between revisions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from seedwitness.records.findings import Verdict
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.runtime.files import replace_whole


def write(folder: Path, documents: Mapping[str, Evidence]) -> None:
    """``metrics.json``, ``cases.csv`` and ``budget.csv`` in ``folder``, replaced as a whole."""
    cases = {
        f"{name}/{case.checkpoint}": case
        for name, document in documents.items()
        for case in document.cases
    }
    rows = [{"case": name, **figures(case)} for name, case in cases.items()]
    found = [row["finding"] for row in rows]
    metrics = {
        "findings": {word: found.count(word) for word in get_args(Verdict)},
        "cases": {row["case"]: {k: v for k, v in row.items() if k != "case"} for row in rows},
    }
    budget = [
        {"case": name, "nfe": each.nfe, "closest": each.closest}
        for name, case in cases.items()
        for each in case.budget
    ]
    with replace_whole(folder) as part:
        part.mkdir()
        (part / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
        (part / "cases.csv").write_text(_csv(rows), "utf-8")
        (part / "budget.csv").write_text(_csv(budget), "utf-8")


def figures(case: CaseEvidence) -> dict[str, Any]:
    """What a case came to."""
    found = case.memorised
    return {
        "finding": found.finding,
        "closest": found.statistic.value,
        "p": found.rank.p,
        "p_family": found.rank.p_family,
        "copies": found.copies.rate.hits / found.copies.rate.n,
        "nfe": case.search.nfe,
    }


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
