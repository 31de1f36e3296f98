"""Writes ``reports/TARGET/``: the images, then the evidence, then the page that shows both."""

from __future__ import annotations

import shutil
from pathlib import Path

from seedwitness.config.stage_settings import ReportStage
from seedwitness.report.building import build_evidence
from seedwitness.report.report_page import list_images, render_report
from seedwitness.report.sources import TargetSource
from seedwitness.runtime.files import replace_whole, write_whole


def write_report(source: TargetSource, settings: ReportStage, folder: Path) -> None:
    """Write images, plan, ``evidence.json`` and ``report.html`` to ``folder``, each atomically."""
    evidence = build_evidence(source, settings)
    with replace_whole(folder / "images") as part:
        for name, origin in list_images(evidence, source).items():
            place = part / Path(name).relative_to("images")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, place)
    write_whole(folder / source.plan.name, source.plan.read_bytes())
    evidence.write(folder / "evidence.json")
    page = render_report(evidence, source, settings.report.title, folder)
    write_whole(folder / "report.html", page)
