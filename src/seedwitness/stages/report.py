"""Report: everything known of one target, as a page and as figures: ``reports/TARGET/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.config.reading import load_section
from seedwitness.config.steps import (
    LookupSettings,
    PrepareSettings,
    ReachSettings,
    RecoverSettings,
    ScanSettings,
    SearchSettings,
)
from seedwitness.config.verdicts import (
    ControlSettings,
    DetectorSettings,
    JudgeSettings,
    ReportSettings,
    ScoreSettings,
)
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
        prepare=load_section(PrepareSettings, "prepare", path=protocol),
        recover=load_section(RecoverSettings, "recover", path=protocol),
        lookup=load_section(LookupSettings, "lookup", path=protocol),
        search=load_section(SearchSettings, "search", path=protocol),
        scan=load_section(ScanSettings, "scan", path=protocol),
        reach=load_section(ReachSettings, "reach", path=protocol),
        detectors=load_section(DetectorSettings, "detectors", path=protocol),
        score=load_section(ScoreSettings, "score", path=protocol),
        controls=load_section(ControlSettings, "controls", path=protocol),
        judge=load_section(JudgeSettings, "judge", path=protocol),
        report=load_section(ReportSettings, "report", path=protocol),
    )
