"""A rate with its confidence interval, as a document."""

from __future__ import annotations

from seedwitness.records.document import Document


class Rate(Document):
    """``hits`` of ``n``, with the 95 % interval of Clopper and Pearson (Biometrika 1934)."""

    hits: int
    n: int
    low: float
    high: float
    what: str = ""
    """What is counted, as a code such as ``copies``; ``report/wording`` has the words."""

    @property
    def value(self) -> float:
        """The observed rate, in [0, 1]."""
        return self.hits / self.n

    def __str__(self) -> str:
        return (
            f"{100 * self.value:.1f} % ({self.hits} of {self.n}; "
            f"95 % interval {100 * self.low:.1f} to {100 * self.high:.1f} %)"
        )
