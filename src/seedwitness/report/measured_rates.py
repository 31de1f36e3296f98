"""How often findings were right on images whose truth is known, by the same procedure.

``measured.json`` is condensed from the benchmarks by ``tools/measured.py``.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from seedwitness.config.steps import SearchSettings
from seedwitness.config.verdicts import JudgeSettings
from seedwitness.report.figure_evidence import (
    DetectorPower,
    FoundRate,
    Validation,
    ValidationRun,
)
from seedwitness.statistics.rates import estimate_rate
from seedwitness.verdict.conclusion import RULE


@cache
def read_measured() -> dict[str, Any]:
    """The content of ``measured.json``."""
    return dict(
        json.loads(files("seedwitness.report").joinpath("measured.json").read_text("utf-8"))
    )


def find_validation(search: SearchSettings, judge: JudgeSettings) -> Validation:
    """The runs that validate a procedure.

    Where there are none, those of the same settings under another rule; else all runs.
    """
    procedure = {
        "strategy": search.strategy.name,
        "budget_nfe": search.budget_nfe,
        "prompts": search.prompts,
        "sampler": search.sampler,
        "steps": search.steps,
        "guidance": search.guidance,
        "metric": judge.metric,
        "alpha": judge.alpha,
        "criteria": [[each.metric, each.threshold] for each in judge.copy_criteria],
        "rule": RULE,
    }
    selects = search.preselection or search.refinement
    plain = not search.stop.copies and not search.stop.rate and not selects
    runs = read_measured()["runs"] if plain else []
    same = [run for run in runs if run["procedure"] == procedure]
    settings = {key: value for key, value in procedure.items() if key != "rule"}
    by_another_rule = [run for run in runs if settings.items() <= run["procedure"].items()]
    shown = same or by_another_rule or read_measured()["runs"]
    return Validation(is_same_procedure=bool(same), runs=[_describe_run(run) for run in shown])


def find_power(detector: str) -> list[DetectorPower]:
    """What was measured of a detector in the labs."""
    return [
        DetectorPower(**{key: value for key, value in row.items() if key != "detector"})
        for row in read_measured()["detectors"]
        if row["detector"] == detector
    ]


def _describe_run(run: dict[str, Any]) -> ValidationRun:
    false = run["not_learned"]
    return ValidationRun(
        name=run["name"],
        lab=run["lab"],
        date=run["date"],
        budget_nfe=run["procedure"]["budget_nfe"],
        steps=run["procedure"]["steps"],
        controls=run["controls"],
        not_learned=estimate_rate(false["hits"], false["n"], "false-supported"),
        excluded=false["excluded"],
        dose=[
            FoundRate(
                exposures=each["exposures"],
                supported=estimate_rate(each["hits"], each["n"], "found-supported"),
            )
            for each in run["learned"]
        ],
    )
