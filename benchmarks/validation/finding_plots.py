"""The plots of a validation: findings, p-values and likelihood ratios."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from benchmarks.shared.groups import MEMORISED, group_label
from benchmarks.shared.prompt_sources import LABELS
from benchmarks.validation.bars import Row

SOURCE_COLUMNS = alt.Column("source:N", sort=list(LABELS.values()), title=None)


def write_plots(part: str, lab: Row, folder: Path) -> None:
    """Write the three plots of a lab under one budget, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in (
        ("findings", findings_chart(lab)),
        ("p", p_value_chart(lab)),
        ("tippett", tippett_chart(lab)),
    ):
        chart.save(folder / f"{part}-{name}.png", scale_factor=1.5)


def findings_chart(lab: Row) -> alt.FacetChart:
    """Share of supported findings with intervals, by group, prompt source and checkpoint."""
    rows = pd.DataFrame(
        [
            {
                "source": LABELS[row["way"]],
                "checkpoint": row["checkpoint"],
                "group": group_label(row["group"]),
                "share": row["supported"]["hits"] / row["supported"]["n"],
                "low": row["supported"]["low"],
                "high": row["supported"]["high"],
            }
            for row in lab["rates"]
        ]
    )
    base = alt.Chart(rows).encode(
        x=alt.X("group:N", sort=list(dict.fromkeys(rows["group"])), title=None),
        xOffset="checkpoint:N",
        color=alt.Color("checkpoint:N", scale=alt.Scale(range=["#8a5200", "#1f4e8c"]), title=None),
    )
    y = alt.Y("low:Q", title="supported", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    layers = base.mark_rule(strokeWidth=2).encode(y, y2="high:Q") + base.mark_point(
        filled=True, size=60, opacity=1
    ).encode(y="share:Q")
    chart: alt.FacetChart = layers.properties(width=230, height=220).facet(column=SOURCE_COLUMNS)
    return chart


def p_value_chart(lab: Row) -> alt.FacetChart:
    """Cumulative distribution of p-values on lab-memorised; dashed: exactly uniform p-values."""
    rows = pd.DataFrame(
        [
            {
                "source": LABELS[row["way"]],
                "group": group_label(row["group"]),
                "p": p,
                "share": (place + 1) / row["n"],
            }
            for row in lab["exchangeable"]
            if row["checkpoint"] == MEMORISED
            for place, p in enumerate(row["p_values"])
        ]
    )
    uniform = pd.DataFrame(
        [
            {"source": source, "p": p, "share": p, "group": "uniform"}
            for source in rows["source"].unique()
            for p in (0.0, 1.0)
        ]
    )
    x = alt.X("p:Q", scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("share:Q", title="share of images with at most this p")
    lines = (
        alt.Chart()
        .transform_filter("datum.group != 'uniform'")
        .mark_line(interpolate="step-after")
        .encode(x, y, color=alt.Color("group:N", title=None))
    )
    diagonal = (
        alt.Chart()
        .transform_filter("datum.group == 'uniform'")
        .mark_line(strokeDash=[3, 3], color="#888")
        .encode(x, y)
    )
    chart: alt.FacetChart = (
        alt.layer(diagonal, lines, data=pd.concat([rows, uniform]))
        .properties(width=230, height=230)
        .facet(column=SOURCE_COLUMNS)
    )
    return chart


def tippett_chart(lab: Row) -> alt.FacetChart:
    """Share of likelihood ratios at or above a value, under H1 and under H2 (Tippett plot)."""
    rows = pd.DataFrame(
        [
            {"source": LABELS[row["way"]], "hypothesis": name, "log": value, "share": share}
            for row in lab["likelihood"]
            for name, ratios in (("H1 true", row["h1"]), ("H2 true", row["h2"]))
            for value, share in survival_curve(ratios)
        ]
    )
    chart: alt.FacetChart = (
        alt.Chart(rows)
        .mark_line(interpolate="step-before")
        .encode(
            x=alt.X("log:Q", title="log10 of the likelihood ratio"),
            y=alt.Y("share:Q", title="share at or above"),
            color=alt.Color(
                "hypothesis:N", title=None, scale=alt.Scale(range=["#1f4e8c", "#c8352b"])
            ),
        )
        .properties(width=230, height=230)
        .facet(column=SOURCE_COLUMNS)
    )
    return chart


def survival_curve(ratios: Sequence[float]) -> list[tuple[float, float]]:
    """log10 of each ratio in ascending order, and the share of all that are at or above it."""
    logs = np.sort(np.log10(np.array(ratios)))
    return [(float(value), 1 - place / len(logs)) for place, value in enumerate(logs)]
