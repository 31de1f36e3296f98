"""Overview: all targets × checkpoints at a glance: ``reports/index.html``, ``data/overview/``."""

from __future__ import annotations

from seedwitness.config.stage_settings import ReportStage, load_stage_settings
from seedwitness.config.targets import list_targets
from seedwitness.records.attempts import read_log
from seedwitness.stages import DATA, output_path
from seedwitness.stages.report import REPORTS


def run() -> None:
    """Write the page, and the figures that DVC compares, of every target.

    It reads what the reports read and not the reports, so that it can run beside them.
    """
    from seedwitness.report.building import build_evidence
    from seedwitness.report.overview import write_overview
    from seedwitness.report.sources import read_target_source
    from seedwitness.report.summary import write_summary

    settings = load_stage_settings("overview", ReportStage)
    sources = {name: read_target_source(DATA, name) for name in list_targets()}
    documents = {name: build_evidence(source, settings) for name, source in sources.items()}
    counts = read_log().count_all()
    write_overview(REPORTS / "index.html", documents, sources, settings.report.title, counts)
    write_summary(output_path("overview"), documents)
