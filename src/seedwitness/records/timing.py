"""The document ``timing.json``: the time of a search and its machine; it varies between runs."""

from __future__ import annotations

from seedwitness.records.document import Document


class SearchTiming(Document):
    """The time that a search took, and how many shards came from the latent cache."""

    seconds: float
    shards_computed: int
    shards_cached: int
    machine: dict[str, str | int | None]
    """As ``devices.describe_machine`` gives it."""
