"""The plots of a validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from validation_bars import WAYS, Row


def plots(name: str, lab: Row, folder: Path) -> None:
    """Three plots of a lab under one budget, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, chart in (
        ("findings", findings(lab)),
        ("p", p_values(lab)),
        ("tippett", tippett(lab)),
    ):
        chart.save(folder / f"{name}-{kind}.png", scale_factor=1.5)


def findings(lab: Row) -> alt.FacetChart:
    """Share supported, by group, way and checkpoint, with intervals."""
    rows = pd.DataFrame(
        [
            {
                **{key: each[key] for key in ("way", "checkpoint", "group")},
                "share": each["supported"]["hits"] / each["supported"]["n"],
                **{key: each["supported"][key] for key in ("low", "high")},
            }
            for each in lab["rates"]
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
    chart: alt.FacetChart = layers.properties(width=230, height=220).facet(
        column=alt.Column("way:N", sort=list(WAYS), title=None)
    )
    return chart


def p_values(lab: Row) -> alt.FacetChart:
    """How many p-values are at most so large; dashed, what would be if they were exact."""
    rows = pd.DataFrame(
        [
            {
                **{key: each[key] for key in ("way", "group")},
                "p": p,
                "share": (place + 1) / each["n"],
            }
            for each in lab["exchangeable"]
            if each["checkpoint"] == "lab-memorised"
            for place, p in enumerate(each["p_values"])
        ]
    )
    exact = pd.DataFrame(
        [{"way": way, "p": p, "share": p} for way in rows["way"].unique() for p in (0.0, 1.0)]
    )
    x = alt.X("p:Q", scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("share:Q", title="share of pictures with at most so much")
    lines = (
        alt.Chart()
        .transform_filter("datum.group != 'exact'")
        .mark_line(interpolate="step-after")
        .encode(x, y, color=alt.Color("group:N", title=None))
    )
    diagonal = (
        alt.Chart()
        .transform_filter("datum.group == 'exact'")
        .mark_line(strokeDash=[3, 3], color="#888")
        .encode(x, y)
    )
    both = pd.concat([rows, exact.assign(group="exact")])
    chart: alt.FacetChart = (
        alt.layer(diagonal, lines, data=both)
        .properties(width=230, height=230)
        .facet(column=alt.Column("way:N", sort=list(WAYS), title=None))
    )
    return chart


def tippett(lab: Row) -> alt.FacetChart:
    """Share of ratios above a value, under H1 and under H2."""
    rows = pd.DataFrame(
        [
            {"way": each["way"], "under": name, "log": float(value), "share": share}
            for each in lab["likelihood"]
            for name, ratios in (("H1 true", each["h1"]), ("H2 true", each["h2"]))
            for value, share in survival(ratios)
        ]
    )
    chart: alt.FacetChart = (
        alt.Chart(rows)
        .mark_line(interpolate="step-before")
        .encode(
            x=alt.X("log:Q", title="log10 of the likelihood ratio"),
            y=alt.Y("share:Q", title="share at or above"),
            color=alt.Color("under:N", title=None, scale=alt.Scale(range=["#1f4e8c", "#c8352b"])),
        )
        .properties(width=230, height=230)
        .facet(column=alt.Column("way:N", sort=list(WAYS), title=None))
    )
    return chart


def survival(ratios: Sequence[float]) -> list[tuple[float, float]]:
    """log10 of each ratio in order, and the share of all that are at or above it."""
    logs = np.sort(np.log10(np.array(ratios)))
    return [(float(each), 1 - place / len(logs)) for place, each in enumerate(logs)]
