"""Publish: shows in MLflow what the files hold, wherever the pipeline ran."""

from __future__ import annotations

from seedwitness.config.reading import load_section
from seedwitness.config.verdicts import TrackingSettings


def run() -> None:
    """Publish into the project's store; nothing is written here."""
    from seedwitness.tracking.no_op import publish_changes

    publish_changes(load_section(TrackingSettings, "tracking"))
