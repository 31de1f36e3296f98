"""The pages that benches wrote say what the figures beside them do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from all import page as speed_page
from detectors_page import page as detectors_page
from scan_page import page as seeds_page
from validation_page import page as validation_page

from seedwitness.statistics.rates import rate

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("benchmarks", speed_page),
        ("detectors", detectors_page),
        ("seeds", seeds_page),
        ("validation", validation_page),
    ],
)
def test_a_page_says_what_its_figures_do(name: str, page: Callable[[dict[str, Any]], str]) -> None:
    found = json.loads((DOCS / f"{name}.json").read_text("utf-8"))
    assert (DOCS / f"{name}.md").read_text("utf-8") == page(found)


def test_every_finding_behind_a_rate_is_in_its_table() -> None:
    found = json.loads((DOCS / "validation.json").read_text("utf-8"))
    assert found
    for part, lab in found.items():
        rows = pd.read_parquet(DOCS / "validation" / f"{part}.parquet")
        for each in lab["rates"]:
            own = rows[(rows[["way", "checkpoint", "group"]] == _about(each)).all(axis=1)]
            hits = int((own["finding"] == "supported").sum())
            assert asdict(rate(hits, len(own))) == each["supported"]


def _about(each: dict[str, Any]) -> list[str]:
    return [each["way"], each["checkpoint"], each["group"]]
