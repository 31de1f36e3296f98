"""Rates as they stand in the figures of a benchmark."""

from __future__ import annotations

from typing import Any

from seedwitness.statistics.rates import estimate_rate


def rate_figures(hits: int, n: int) -> dict[str, Any]:
    """``hits`` of ``n`` with the 95 % interval of Clopper and Pearson, as JSON holds it."""
    return estimate_rate(hits, n).model_dump(mode="json", include={"hits", "n", "low", "high"})
