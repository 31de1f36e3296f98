"""The figures of all cases in three small files that DVC shows and compares between revisions."""

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

SHORT: dict[Verdict, str] = {"supported": "yes", "not supported": "no", "inconclusive": "open"}
"""Names of metrics, which head the columns of `dvc exp show`."""


def write_summary(folder: Path, documents: Mapping[str, Evidence]) -> None:
    """Write ``metrics.json``, ``cases.csv`` and ``budget.csv`` to ``folder``, which is replaced."""
    cases = {
        f"{name}/{case.checkpoint}": case
        for name, document in documents.items()
        for case in document.cases
    }
    rows = [{"case": name, **list_figures(case)} for name, case in cases.items()]
    budget = [
        {
            "case": name,
            "checkpoint": case.checkpoint,
            "nfe": point.nfe,
            "closest": point.closest,
        }
        for name, case in cases.items()
        for point in case.budget
    ]
    metrics = summarise(list(cases.values()))
    with replace_whole(folder) as part:
        part.mkdir()
        (part / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
        (part / "cases.csv").write_text(_format_csv(rows), "utf-8")
        (part / "budget.csv").write_text(_format_csv(budget), "utf-8")


def summarise(cases: Sequence[CaseEvidence]) -> dict[str, Any]:
    """Few numbers for all cases, for a row of `dvc exp show`: the findings and the smallest p."""
    memorised = [case.memorised.finding for case in cases]
    generated = [case.generated.finding for case in cases]
    return {
        "cases": len(cases),
        "memorised": {SHORT[word]: memorised.count(word) for word in get_args(Verdict)},
        "generated": {SHORT[word]: generated.count(word) for word in get_args(Verdict)},
        "p": min((case.memorised.rank.p_family for case in cases), default=None),
        "copies": sum(case.memorised.copies.rate.hits for case in cases),
        "nfe": sum(case.search.nfe for case in cases),
    }


def list_figures(case: CaseEvidence) -> dict[str, Any]:
    """The figures of a case that DVC compares."""
    memorised = case.memorised
    return {
        "finding": memorised.finding,
        "generated": case.generated.finding,
        "closest": memorised.statistic.value,
        "p": memorised.rank.p,
        "p_family": memorised.rank.p_family,
        "copies": memorised.copies.rate.value,
        "nfe": case.search.nfe,
    }


def _format_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
