"""Report: everything known of one target, as a page and as figures: ``reports/TARGET/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness import config
from seedwitness.stages import ASKED, DATA, frozen

if TYPE_CHECKING:
    from seedwitness.report.building import Settings

REPORTS = Path("reports")


def run(target: str) -> None:
    """Write ``reports/TARGET/`` (page, figures, pictures, protocol)."""
    from seedwitness.report import sources, writing

    writing.write(sources.read(DATA, target, ASKED), settings(), REPORTS / target)


def settings() -> Settings:
    """The settings that reports repeat."""
    from seedwitness.report.building import Settings

    protocol = frozen("report")
    return Settings(
        prepare=config.section(config.Prepare, "prepare", path=protocol),
        recover=config.section(config.Recover, "recover", path=protocol),
        lookup=config.section(config.Lookup, "lookup", path=protocol),
        search=config.section(config.Search, "search", path=protocol),
        scan=config.section(config.Scan, "scan", path=protocol),
        reach=config.section(config.Reach, "reach", path=protocol),
        detectors=config.section(config.Detectors, "detectors", path=protocol),
        score=config.section(config.Score, "score", path=protocol),
        controls=config.section(config.Controls, "controls", path=protocol),
        judge=config.section(config.Judge, "judge", path=protocol),
        report=config.section(config.Report, "report", path=protocol),
    )
