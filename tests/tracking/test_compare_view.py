"""MLflow's own pages in a real browser: two checkpoints selected, compared, and read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import PATIENCE, needs_browser
from mlflow_server import running_server

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.tables import SCORES, read_table
from seedwitness.tracking.publishing import publish
from seedwitness.tracking.store import open_store
from seedwitness.tracking.view import format_view_address

pytestmark = [needs_browser, pytest.mark.slow]

FINDING = "data/judge/owl/{}/finding.json"
READ_CELLS = """
grids => grids.map(grid => [...grid.querySelectorAll('div[style*="position: absolute"]')]
    .filter(cell => !cell.querySelector('div'))
    .map(cell => [cell.style.top, parseInt(cell.style.left), cell.innerText]))
"""


@pytest.fixture
def page(tracking: TrackingSettings, browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The table of runs that `seedwitness ui` opens; the two checkpoints have other findings."""
    path = Path(FINDING.format("clean"))
    findings = read_document(CaseFindings, path)
    memorised = findings.memorised
    rank = memorised.rank.model_copy(update={"p": 41 / 105, "p_family": 82 / 105})
    statistic = memorised.statistic.model_copy(update={"value": 0.3125})
    rate = memorised.copies.rate.model_copy(update={"hits": 1, "low": 0.004, "high": 0.64})
    copies = memorised.copies.model_copy(update={"rate": rate})
    changed = {"rank": rank, "statistic": statistic, "copies": copies, "finding": "not supported"}
    findings.model_copy(update={"memorised": memorised.model_copy(update=changed)}).write(path)
    publish(tracking)
    with open_store(tracking) as store:
        experiment = store.experiment
    with running_server(f"sqlite:///{Path.cwd()}/mlflow.db", tmp_path / "files") as address:
        context = browser.new_context(viewport={"width": 1600, "height": 1000})
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(format_view_address(address, experiment))
        yield page
        context.close()


def expected(checkpoint: str) -> dict[str, float]:
    """The figures that the report of the target shows for a checkpoint."""
    memorised = read_document(CaseFindings, Path(FINDING.format(checkpoint))).memorised
    rate = memorised.copies.rate
    figures = {
        "finding/p": memorised.rank.p,
        "finding/p_family": memorised.rank.p_family,
        "finding/statistic": memorised.statistic.value,
        "rate/copies": rate.value,
        "rate/high": rate.high,
        "rate/low": rate.low,
        "rate/trials": float(rate.n),
    }
    scores = read_table(Path("data/score/owl", checkpoint, "scores.parquet"), SCORES)
    for metric, part in scores.groupby("metric"):
        is_higher = part["higher_is_closer"].iloc[0]
        figures[f"best/{metric}"] = part["score"].max() if is_higher else part["score"].min()
    return figures


def read_metrics(page: Any) -> tuple[list[str], list[dict[str, str]]]:
    """The names of the compared runs, and the metrics of each as the page writes them.

    The page draws only the rows that are in sight, so its table is scrolled from top to end.
    """
    names = page.locator("tr", has_text="Run Name:").locator("td, th").all_inner_texts()[1:]
    section = page.locator(".du-bois-light-collapse-item", has_text="Metrics").last
    grids = section.locator(".ReactVirtualized__Grid")
    grids.first.wait_for()
    shown: list[dict[str, str]] = [{} for _ in names]
    height = grids.last.evaluate("grid => grid.scrollHeight")
    for top in range(0, height, 200):
        grids.last.evaluate("(grid, top) => { grid.scrollTop = top; }", top)
        page.wait_for_function(
            "([grid, top]) => grid.scrollTop >= Math.min(top, grid.scrollHeight - 301)",
            arg=[grids.last.element_handle(), top],
        )
        page.wait_for_timeout(150)  # both parts of the table are drawn after the scroll
        left, right = grids.evaluate_all(READ_CELLS)
        rows = {place: name.strip() for place, _, name in left}
        columns = sorted({column for _, column, _ in right})
        for place, column, value in right:
            if place in rows:
                shown[columns.index(column)][rows[place]] = value.strip()
    return names, shown


def agrees(text: str, figure: float) -> bool:
    """Whether ``text`` is ``figure``, rounded to the digits that ``text`` has."""
    mantissa, _, exponent = text.partition("e")
    digits = len(mantissa.partition(".")[2])
    unit = 10.0 ** (int(exponent or 0) - digits)
    return abs(float(text) - figure) <= 0.501 * unit and (digits >= 2 or figure == float(text))


def test_the_compare_view_of_two_checkpoints_agrees_with_the_report(page: Any) -> None:
    page.get_by_text("owl · tuned").wait_for()
    text = page.locator("[role=grid], [role=treegrid]").first.inner_text()
    for column in ("finding/p_family", "rate/copies", "rate/trials"):
        assert column in text
    for name in ("owl · tuned", "owl · clean"):
        row = page.locator("[role=row]", has_text=name).first
        page.locator(f"[role=row][row-index='{row.get_attribute('row-index')}']").get_by_label(
            "toggle row selection"
        ).check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("Comparing 2 Runs").wait_for()
    names, shown = read_metrics(page)
    assert sorted(names) == ["owl · clean", "owl · tuned"]
    for name, metrics in zip(names, shown, strict=True):
        for key, figure in expected(name.partition(" · ")[2]).items():
            assert agrees(metrics[key], figure), (name, key, metrics[key], figure)
    own, other = (metrics["finding/p_family"] for metrics in shown)
    assert own != other
