"""Write the error rates that reports print, from the figures of the benchmarks.

    .venv/bin/python tools/measured.py

``docs/validation.json`` and ``docs/detectors.json`` hold everything that was measured; a report
prints a few rates of them, and is sent to people who do not have the project. A test compares the
file with what this script gives.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
OUT = ROOT / "src" / "seedwitness" / "report" / "measured.json"
NOT_LEARNED = ("held out", "twins", "once")
PLANTED = {128: "planted 128 times", 32: "planted 32 times", 8: "planted 8 times"}
SOURCE, CHECKPOINT, PROMPT = "stated", "lab-memorised", "training caption"


def condense(validation: dict[str, Any], detectors: dict[str, Any]) -> dict[str, Any]:
    """The rates of findings by lab and budget, and of each detector by lab."""
    return {
        "runs": [_condense_run(name, run) for name, run in validation.items()],
        "detectors": [
            {
                "detector": figure["detector"],
                "lab": lab["lab"],
                "exposures": exposures,
                "tpr": figure["tpr"]["value"],
                "low": figure["tpr"]["low"],
                "high": figure["tpr"]["high"],
                "learned": figure["tpr"]["positives"],
                "not_learned": figure["tpr"]["negatives"],
            }
            for lab in detectors.values()
            for exposures, group in PLANTED.items()
            for figure in lab["figures"]
            if figure["prompt"] == PROMPT and figure["group"] == group
        ],
    }


def _condense_run(name: str, run: dict[str, Any]) -> dict[str, Any]:
    rates = {
        rate["group"]: rate
        for rate in run["rates"]
        if rate["way"] == SOURCE and rate["checkpoint"] == CHECKPOINT
    }
    search, judge = run["search"], run["judge"]
    return {
        "name": name,
        "lab": run["lab"],
        "date": run["machine"]["date"],
        "procedure": {
            "strategy": search["strategy"]["name"],
            "budget_nfe": search["budget_nfe"],
            "prompts": search["prompts"],
            "sampler": search["sampler"],
            "steps": search["steps"],
            "guidance": search["guidance"],
            "metric": judge["metric"],
            "alpha": judge["alpha"],
            "criteria": [
                [each["metric"], each["threshold"]]
                for each in judge.get("copy_criteria", judge.get("copies"))
            ],
            "rule": run.get("rule"),
        },
        "controls": len(run["controls"][CHECKPOINT]),
        "not_learned": {
            "hits": sum(rates[group]["supported"]["hits"] for group in NOT_LEARNED),
            "n": sum(
                rates[group]["supported"]["n"] - rates[group]["refused"]["hits"]
                for group in NOT_LEARNED
            ),
            "excluded": sum(rates[group]["refused"]["hits"] for group in NOT_LEARNED),
        },
        "learned": [
            {
                "exposures": exposures,
                "hits": rates[group]["supported"]["hits"],
                "n": rates[group]["supported"]["n"],
            }
            for exposures, group in PLANTED.items()
        ],
    }


def render() -> str:
    """The text of the file."""
    read = (json.loads((DOCS / f"{name}.json").read_text("utf-8")) for name in FILES)
    return json.dumps(condense(*read), indent=1) + "\n"


FILES = ("validation", "detectors")

if __name__ == "__main__":
    OUT.write_text(render(), encoding="utf-8")
