"""Every page is what its figures give, and leads with a summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from benchmarks.bundle.page import render_page as bundle_page
from benchmarks.checkpoints.page import render_page as checkpoints_page
from benchmarks.detectors.page import render_page as detectors_page
from benchmarks.exposure.page import render_page as exposure_page
from benchmarks.interop.page import render_page as interop_page
from benchmarks.lookup.page import render_page as lookup_page
from benchmarks.prompts.page import render_page as prompts_page
from benchmarks.seeds.page import render_page as seeds_page
from benchmarks.shared.rates import rate_figures
from benchmarks.speed.page import render_page as speed_page
from benchmarks.validation.page import render_page as validation_page

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "bundle": bundle_page,
    "benchmarks": speed_page,
    "checkpoints": checkpoints_page,
    "detectors": detectors_page,
    "interop": interop_page,
    "lookup": lookup_page,
    "prompts": prompts_page,
    "exposure": exposure_page,
    "seeds": seeds_page,
    "validation": validation_page,
}


@pytest.mark.parametrize(("name", "render_page"), PAGES.items(), ids=PAGES)
def test_a_page_says_what_its_figures_do(
    name: str, render_page: Callable[[dict[str, Any]], str]
) -> None:
    figures = json.loads((DOCS / f"{name}.json").read_text("utf-8"))
    assert (DOCS / f"{name}.md").read_text("utf-8") == render_page(figures)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_leads_with_its_summary(name: str) -> None:
    headings = [
        line
        for line in (DOCS / f"{name}.md").read_text("utf-8").splitlines()
        if line.startswith("#")
    ]
    assert headings[1] == "## Summary"


def test_every_finding_behind_a_rate_is_in_its_table() -> None:
    figures = json.loads((DOCS / "validation.json").read_text("utf-8"))
    assert figures
    for part, lab in figures.items():
        table = pd.read_parquet(DOCS / "validation" / f"{part}.parquet")
        for rates in lab["rates"]:
            key = ["way", "checkpoint", "group"]
            rows = table[(table[key] == [rates[column] for column in key]).all(axis=1)]
            hits = int((rows["finding"] == "supported").sum())
            assert rate_figures(hits, len(rows)) == rates["supported"]


def test_no_tampering_was_missed_with_the_signers_key() -> None:
    (series,) = json.loads((DOCS / "bundle.json").read_text("utf-8")).values()
    rows = series["rows"]
    assert len(rows) >= 500
    for check in ("verify --key", "verify.html"):
        assert all(row["found"][check] for row in rows), check
