"""The section on the search strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.shared.markdown import describe_place, format_rate, format_table

MIN_SPEEDUP = 5
"""How many times fewer NFE than the sweep `halving` has to need at 50 and 90 % of the images."""

CURRENT_NAMES = {"rare": "subset-simulation"}
"""Strategies that had another name when they were measured."""


def render_strategies(figures: Mapping[str, Any]) -> str:
    """NFE until planted images are regenerated, for each strategy and against the sweep."""
    sweep = figures["strategies"]["sweep"]
    shares = next(iter(sweep.values()))["nfe_within_which"]
    rows = [
        [
            CURRENT_NAMES.get(strategy, strategy),
            group,
            format_rate(cell["came_back"]),
            *(_nfe(sweep[group], share, nfe) for share, nfe in cell["nfe_within_which"].items()),
        ]
        for strategy, groups in figures["strategies"].items()
        for group, cell in groups.items()
    ]
    return (
        f"## Search strategies\n\nMeasured on {describe_place(figures['machine'])}.\n\n"
        "NFE until the first regeneration of an image on `lab-memorised`, under its own caption, "
        f"{figures['steps']} steps, guidance {figures['guidance']:g}, at most "
        f"{figures['budget_nfe']:,} NFE an image. A regeneration has both distances at or below "
        "the 1 % points of held-out images. In brackets: how many times fewer NFE than the sweep "
        "needs for the same share of the same images; the bar for `halving` is "
        f"{MIN_SPEEDUP} × at 50 and 90 %. Regenerated held-out images are false alarms: the "
        "thresholds were made for 16 full-length trials an image, and more trials find more. The "
        f"search of the literature spends {figures['literature_nfe']:,} NFE an image in every "
        "case.\n\n"
    ) + format_table(
        ["strategy", "images", "regenerated", *(f"NFE for {share}" for share in shares)], rows
    )


def speedup(sweep: Mapping[str, Any], share: str, nfe: float | None) -> float | None:
    """How many times ``nfe`` the sweep needs for this share; None if either never gets there."""
    sweep_nfe = sweep["nfe_within_which"][share]
    return None if nfe is None or sweep_nfe is None else float(sweep_nfe / nfe)


def _nfe(sweep: Mapping[str, Any], share: str, nfe: float | None) -> str:
    if nfe is None:
        return "–"
    times = speedup(sweep, share, nfe)
    return f"{nfe:,.0f} ({'never by the sweep' if times is None else f'{times:.1f} ×'})"
