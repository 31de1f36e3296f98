"""``timing.json``: how long a search took and on what machine; it differs from run to run."""

from __future__ import annotations

from seedwitness.records.document import Document


class SearchTiming(Document):
    """How long a search took, and how much of it came from the cache."""

    seconds: float
    shards_computed: int
    shards_cached: int
    machine: dict[str, str | int | None]
    """As ``devices.describe_machine`` gives it."""
