"""Make MLflow's view equal to the files, and write what was published."""

from __future__ import annotations

from seedwitness.config.reading import load_section
from seedwitness.config.verdicts import TrackingSettings
from seedwitness.stages import output_path


def run() -> None:
    """Write ``data/publish/published.json``."""
    from seedwitness.tracking.publishing import publish

    published = publish(load_section(TrackingSettings, "tracking"))
    published.write(output_path("publish") / "published.json")
