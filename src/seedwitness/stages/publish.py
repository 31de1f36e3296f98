"""Rebuild MLflow's view from the files, and write what was published."""

from __future__ import annotations

from seedwitness import config
from seedwitness.stages import place


def run() -> None:
    """Write ``data/publish/published.json``."""
    from seedwitness.tracking.publishing import publish

    published = publish(config.section(config.Tracking, "tracking"))
    published.write(place("publish") / "published.json")
