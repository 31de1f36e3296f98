"""The scores of a case as plain values for the plots of the PDF, from the tables beside it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.formatting import title_in_case
from seedwitness.report.trial_tables import SCORE
from seedwitness.report.wording.numbers import round_for_reading


def list_plots(case: CaseEvidence, evidence: Evidence, folder: Path) -> Iterator[dict[str, Any]]:
    """The scores of all trials, by the statistic's metric and those of the copy criteria."""
    criteria = {each.metric: each.threshold for each in case.memorised.copies.criteria}
    left_out = set(case.memorised.rank.left_out)
    for metric in dict.fromkeys([evidence.plan.judge.metric, *criteria]):
        (distribution,) = [each for each in case.distributions if each.metric == metric]
        rows = {}
        for table in case.tables:
            if table.what == "learned":
                continue
            with (folder / table.path).open(encoding="ascii", newline="") as file:
                lines = [line for line in csv.DictReader(file) if line[SCORE + metric]]
            scores = [(line.get("control", line["trial"]), line) for line in lines]
            best: dict[str, float] = {}
            sign = 1 if distribution.higher_is_closer else -1
            for name, line in scores:
                value = float(line[SCORE + metric])
                if line.get("left_out") != "true":
                    best[name] = max(value * sign, best.get(name, value * sign))
            rows[table.what] = sorted(value * sign for value in best.values())
        values = [value for row in rows.values() for value in row]
        values += [criteria[metric]] if metric in criteria else []
        yield {
            "title": title_in_case(case, metric),
            "checkpoint": case.checkpoint,
            "towards": "right" if distribution.higher_is_closer else "left",
            "low": min(values),
            "high": max(values),
            "low_text": round_for_reading(min(values), 3),
            "high_text": round_for_reading(max(values), 3),
            "rows": [[name, row] for name, row in rows.items()],
            "threshold": criteria.get(metric),
            "alt": f"{metric} on {case.checkpoint}: "
            + "; ".join(
                f"{name} from {round_for_reading(row[0])} to {round_for_reading(row[-1])}"
                for name, row in rows.items()
            ),
            "left_out": len(left_out),
        }
