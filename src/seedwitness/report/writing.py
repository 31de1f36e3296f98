"""Writes ``reports/TARGET/``: the pictures, then the figures, then the page that shows them."""

from __future__ import annotations

import shutil
from pathlib import Path

from seedwitness.report import html
from seedwitness.report.building import Settings, build
from seedwitness.report.sources import TargetSource
from seedwitness.runtime.files import replace_whole, write_whole


def write(source: TargetSource, settings: Settings, folder: Path) -> None:
    """Pictures, protocol, ``evidence.json`` and ``report.html`` in ``folder``, each whole."""
    evidence = build(source, settings)
    with replace_whole(folder / "images") as part:
        for name, origin in html.images(evidence, source).items():
            place = part / Path(name).relative_to("images")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, place)
    write_whole(folder / source.protocol.name, source.protocol.read_bytes())
    evidence.write(folder / "evidence.json")
    page = html.render(evidence, source, settings.report.title, folder)
    write_whole(folder / "report.html", page)
