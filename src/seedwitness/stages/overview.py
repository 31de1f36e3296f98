"""Overview: all targets × checkpoints at a glance: ``reports/index.html``, ``data/overview/``.

It reads what the reports read and not the reports, so that it may be made beside them.
"""

from __future__ import annotations

from seedwitness.config.inputs import EntryName, TargetSettings
from seedwitness.config.reading import load_section
from seedwitness.stages import ASKED, DATA, output_path
from seedwitness.stages.report import REPORTS, settings


def run() -> None:
    """Write the page and the figures that DVC compares, of every target of ``params.yaml``."""
    from seedwitness.report import overview, sources, summary
    from seedwitness.report.building import build

    shared = settings()
    targets = load_section(dict[EntryName, TargetSettings], "targets")
    found = {name: sources.read(DATA, name, ASKED) for name in targets}
    documents = {name: build(source, shared) for name, source in found.items()}
    overview.write(REPORTS / "index.html", documents, found, shared.report.title)
    summary.write(output_path("overview"), documents)
