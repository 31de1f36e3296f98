"""Report: everything known of one target, as a page and as figures: ``reports/TARGET/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness import config
from seedwitness.stages import DATA

if TYPE_CHECKING:
    from seedwitness.report.building import Settings

REPORTS = Path("reports")


def run(target: str) -> None:
    """Write ``reports/TARGET/`` (``report.html``, ``evidence.json``, ``images/``)."""
    from seedwitness.report import sources, writing

    writing.write(sources.read(DATA, target), settings(), REPORTS / target)


def settings() -> Settings:
    """The sections of ``params.yaml`` that reports repeat."""
    from seedwitness.report.building import Settings

    return Settings(
        prepare=config.section(config.Prepare, "prepare"),
        recover=config.section(config.Recover, "recover"),
        lookup=config.section(config.Lookup, "lookup"),
        search=config.section(config.Search, "search"),
        scan=config.section(config.Scan, "scan"),
        reach=config.section(config.Reach, "reach"),
        score=config.section(config.Score, "score"),
        controls=config.section(config.Controls, "controls"),
        judge=config.section(config.Judge, "judge"),
        report=config.section(config.Report, "report"),
    )
