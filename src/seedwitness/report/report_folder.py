"""Writes ``reports/TARGET/``: the images, then the evidence, then the page that shows both."""

from __future__ import annotations

import shutil
from pathlib import Path

from seedwitness.config.stage_settings import ReportStage
from seedwitness.records.case_sheet import SignedSheet
from seedwitness.report.building import build_evidence
from seedwitness.report.evidence_file import NAME, write_evidence
from seedwitness.report.pdf import render_pdf
from seedwitness.report.provenance import Environment
from seedwitness.report.report_page import list_images, render_report
from seedwitness.report.sources import TargetSource
from seedwitness.report.trial_tables import render_tables
from seedwitness.runtime.files import replace_whole, write_whole


def write_report(
    source: TargetSource,
    settings: ReportStage,
    folder: Path,
    sheet: SignedSheet | None = None,
    environment: Environment | None = None,
) -> None:
    """Write images, tables, plan, ``evidence.json``, ``report.html`` and ``report.pdf``.

    Each is written whole. ``sheet`` is shown in the page and is no part of the evidence.
    ``environment`` is as for ``build_evidence``.
    """
    tables = {case.case.checkpoint: render_tables(case) for case in source.cases}
    evidence = build_evidence(source, settings, tables, environment)
    with replace_whole(folder / "images") as part:
        for name, origin in list_images(evidence, source).items():
            place = part / Path(name).relative_to("images")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, place)
    with replace_whole(folder / "tables") as part:
        for checkpoint, rendered in tables.items():
            (part / checkpoint).mkdir(parents=True)
            for what, (text, _) in rendered.items():
                (part / checkpoint / f"{what}.csv").write_text(text, "utf-8")
    write_whole(folder / source.plan.name, source.plan.read_bytes())
    write_evidence(folder / NAME, evidence)
    page = render_report(evidence, source, settings.report.title, folder, sheet)
    write_whole(folder / "report.html", page)
    write_whole(folder / "report.pdf", render_pdf(folder, settings.report.title, sheet))
