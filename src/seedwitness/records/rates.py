"""A rate as a document."""

from __future__ import annotations

from seedwitness.records.document import Document


class Rate(Document):
    """A rate with the interval of Clopper and Pearson."""

    hits: int
    n: int
    low: float
    high: float
    what: str
