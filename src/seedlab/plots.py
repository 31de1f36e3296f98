"""Plots of the measurements of a lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

CHECKPOINT_TITLES = {
    "lab-memorised": "lab-memorised: saw the planted pictures",
    "lab-clean": "lab-clean: never saw them",
}
COLOURS = ["#3b6ea5", "#c8352b"]


def tabulate_rates(figures: dict[str, Any]) -> pd.DataFrame:
    """Regeneration rates in long form: one row for each checkpoint and kind of picture."""
    rows = []
    for name, title in CHECKPOINT_TITLES.items():
        measured = figures[name]
        kinds = {"held out": measured["held_out"]}
        kinds |= {kind: measured[kind] for kind in ("twin", "once") if kind in measured}
        planted = measured["planted"]
        kinds |= {f"{m} times": planted[m] for m in sorted(planted, key=int)}
        rows += [{"checkpoint": title, "kind": kind, **entry} for kind, entry in kinds.items()]
    frame = pd.DataFrame(rows)[["checkpoint", "kind", "hits", "n", "low", "high"]]
    return frame.assign(rate=frame["hits"] / frame["n"])


def plot_rates(figures: dict[str, Any]) -> alt.LayerChart:
    """Regeneration rate by multiplicity, with Clopper–Pearson intervals."""
    frame = tabulate_rates(figures)
    kinds = list(dict.fromkeys(frame["kind"]))
    base = alt.Chart(frame).encode(
        x=alt.X("kind:N", sort=kinds, title=None, axis=alt.Axis(labelAngle=0)),
        xOffset="checkpoint:N",
        color=alt.Color(
            "checkpoint:N",
            title=None,
            scale=alt.Scale(range=COLOURS),
            legend=alt.Legend(orient="top", labelLimit=320),
        ),
    )
    axis = alt.Y(
        "low:Q",
        title="pictures regenerated",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    intervals = base.mark_rule(strokeWidth=2).encode(y=axis, y2="high:Q")
    points = base.mark_point(filled=True, size=70, opacity=1).encode(y="rate:Q")
    chart: alt.LayerChart = (intervals + points).properties(width=560, height=280)
    return chart


def tabulate_doses(figures: dict[str, Any]) -> pd.DataFrame:
    """Regeneration rates by total exposures: one row for each checkpoint, kind and number."""
    rows = [
        {"series": f"{name}, {kind}", "exposures": int(exposures), **entry}
        for name in CHECKPOINT_TITLES
        for kind in ("planted", "portfolio")
        for exposures, entry in figures[name].get(kind, {}).items()
    ]
    frame = pd.DataFrame(rows)[["series", "exposures", "hits", "n", "low", "high"]]
    return frame.assign(rate=frame["hits"] / frame["n"])


def plot_doses(figures: dict[str, Any]) -> alt.LayerChart:
    """Regeneration rate over total exposures, with Clopper–Pearson intervals.

    The series are moved apart by a few per cent of the exposures, so that intervals do not overlap.
    """
    frame = tabulate_doses(figures)
    series = list(dict.fromkeys(frame["series"]))
    shift = {name: 1.06 ** (place - (len(series) - 1) / 2) for place, name in enumerate(series)}
    doses = sorted(set(frame["exposures"]))
    frame = frame.assign(dose=frame["exposures"] * frame["series"].map(shift))
    base = alt.Chart(frame).encode(
        x=alt.X(
            "dose:Q",
            title="exposures in the whole training",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(values=doses, format=",d", grid=False),
        ),
        color=alt.Color(
            "series:N",
            title=None,
            sort=series,
            scale=alt.Scale(range=["#3b6ea5", "#8fb3d9", "#c8352b", "#e39a94"]),
            legend=alt.Legend(orient="top", labelLimit=320),
        ),
    )
    axis = alt.Y(
        "low:Q",
        title="pictures regenerated",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    intervals = base.mark_rule(strokeWidth=2).encode(y=axis, y2="high:Q")
    points = base.mark_line(point=alt.OverlayMarkDef(size=60, filled=True)).encode(y="rate:Q")
    chart: alt.LayerChart = (intervals + points).properties(width=560, height=300)
    return chart


def plot_losses(logs: Path) -> alt.Chart:
    """Loss of each training by step, smoothed as in its log."""
    frame = pd.DataFrame(
        {"training": file.stem, **json.loads(line)}
        for file in sorted(logs.glob("*.jsonl"))
        for line in file.read_text().splitlines()[1:]
    )
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5, point=alt.OverlayMarkDef(size=4))
        .encode(
            x="step:Q",
            y=alt.Y("loss:Q", scale=alt.Scale(zero=False)),
            facet=alt.Facet("training:N", columns=3, title=None),
        )
        .properties(width=190, height=110)
        .resolve_scale(x="independent", y="independent")
    )
    return chart
