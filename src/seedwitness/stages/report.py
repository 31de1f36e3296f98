"""Report: everything known of one target, as a page and as figures: ``reports/TARGET/``."""

from __future__ import annotations

from pathlib import Path

from seedwitness.config.stage_settings import ReportStage, load_stage_settings
from seedwitness.config.targets import FOLDER
from seedwitness.records.case_sheet import NAME as SHEET
from seedwitness.records.case_sheet import read_case_sheet
from seedwitness.stages import DATA

REPORTS = Path("reports")


def run(target: str) -> None:
    """Write ``reports/TARGET/``: page, PDF, evidence, tables, images and plan."""
    from seedwitness.report.report_folder import write_report
    from seedwitness.report.sources import read_target_source

    settings = load_stage_settings("report", ReportStage)
    sheet = read_case_sheet(FOLDER / target / SHEET)
    write_report(read_target_source(DATA, target), settings, REPORTS / target, sheet)
