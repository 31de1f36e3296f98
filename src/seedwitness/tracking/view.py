"""What MLflow's pages show first: the columns of the table of runs, and a run's description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.tracking.contents import DATA_FOLDER, PipelineState

VIEW_KEY = "seedwitness"
"""Name of the shared view, in the address of the table of runs: ``?viewStateShareKey=``."""

COLUMNS = [
    "attributes.`Created`",
    "params.`target`",
    "params.`checkpoint`",
    "tags.`seedwitness.memorised`",
    "tags.`seedwitness.generated`",
    "metrics.`finding/p_family`",
    "metrics.`finding/p`",
    "metrics.`rate/copies`",
    "metrics.`rate/trials`",
]


def make_view() -> str:
    """The state of MLflow's table of runs as the page itself would share it, as JSON.

    Its rows are the cases, the smallest p first. In the order of time, MLflow hides child runs in
    their parents.
    """
    return json.dumps(
        {
            "selectedColumns": COLUMNS,
            "orderByKey": "metrics.`finding/p_family`",
            "orderByAsc": True,
            "searchFilter": "tags.`seedwitness.kind` = 'case'",
            "viewMaximized": False,
            "runListHidden": False,
        }
    )


def format_view_address(base: str, experiment: str) -> str:
    """The address of the table of runs with the columns of ``make_view``."""
    return f"{base}/#/experiments/{experiment}/runs?viewStateShareKey={VIEW_KEY}"


def make_description(experiment: str, state: PipelineState, runs: Mapping[str, Any]) -> str:
    """Markdown: every case of the state with its findings, linked to its run."""
    lines = [
        "| target | checkpoint | memorised | p, adjusted | generated |",
        "|---|---|---|---|---|",
    ]
    for child in state.children:
        if child.kind != "case":
            continue
        path = DATA_FOLDER / "judge" / child.target / child.checkpoint / "finding.json"
        findings = read_document(CaseFindings, path)
        address = f"#/experiments/{experiment}/runs/{runs[child.name].info.run_id}"
        lines.append(
            f"| [{child.target}]({address}) | {child.checkpoint} | {findings.memorised.finding} "
            f"| {findings.memorised.rank.p_family:.4g} | {findings.generated.finding} |"
        )
    controls = [
        f"[{child.checkpoint}](#/experiments/{experiment}/runs/{runs[child.name].info.run_id})"
        for child in state.children
        if child.kind == "controls"
    ]
    return "\n".join([*lines, "", f"Controls on {', '.join(controls)}."])
