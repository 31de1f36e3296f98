"""``seedwitness publish``: shows in MLflow what the files hold."""

from __future__ import annotations

from seedwitness.config.reading import load_section
from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import RecordError


def publish_files() -> str:
    """Publish the files of the project in the working directory; gives a sentence about it."""
    from seedwitness.tracking.no_op import publish_changes
    from seedwitness.tracking.store_uri import hide_password

    settings = load_section(TrackingSettings, "tracking")
    published, store = publish_changes(settings), hide_password(settings.uri)
    if published is None:
        return f"Nothing has changed since it was published into {store}."
    if not published.new_runs:
        return f"{store} has all of it already: `seedwitness ui` shows it."
    return (
        f"{published.new_runs} new runs with {published.trials} trials and {published.scores} "
        f"scores are in {store}: `seedwitness ui` shows them."
    )


def publish_what_there_is(settings: TrackingSettings) -> str:
    """Publish before the pages are shown; gives why not where the pipeline has not ended."""
    from seedwitness.tracking.no_op import publish_changes

    try:
        publish_changes(settings)
    except RecordError as error:
        return f"The files are not complete, so the pages show what was published before. {error}"
    return ""
