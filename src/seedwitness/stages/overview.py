"""Overview: all targets × checkpoints at a glance: ``reports/index.html``."""

from __future__ import annotations

from seedwitness import config
from seedwitness.stages.report import REPORTS


def run() -> None:
    """Write ``reports/index.html`` from the evidence of every target of ``params.yaml``."""
    from seedwitness.report import overview

    targets = config.section(dict[config.Name, config.Target], "targets")
    overview.write(REPORTS, list(targets), config.section(config.Report, "report").title)
