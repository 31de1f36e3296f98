"""The plot of the detectors' AUC."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from benchmarks.detectors.discrimination import detector_label
from benchmarks.detectors.prompts import PROMPT_LABELS, PROMPTS
from benchmarks.shared.groups import group_label

SHOWN = [PROMPT_LABELS.get(prompt, prompt) for prompt in PROMPTS[:2]]


def plot_auc(figures: Mapping[str, Any], path: Path) -> None:
    """Write the plot of one lab as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    auc_chart(figures).save(path, scale_factor=1.5)


def auc_chart(figures: Mapping[str, Any]) -> alt.FacetChart:
    """AUC of every detector with its interval, by group and prompt."""
    rows = pd.DataFrame(
        [
            {
                "detector": detector_label(row["detector"]),
                "group": group_label(row["group"]),
                "prompt": PROMPT_LABELS.get(row["prompt"], row["prompt"]),
                **{key: row["auc"][key] for key in ("value", "low", "high")},
            }
            for row in figures["figures"]
            if row["prompt"] in PROMPTS[:2]
        ]
    )
    rows["chance"] = 0.5
    base = alt.Chart().encode(
        y=alt.Y("detector:N", sort=list(dict.fromkeys(rows["detector"])), title=None),
        yOffset=alt.YOffset("prompt:N", sort=SHOWN),
        color=alt.Color(
            "prompt:N",
            sort=SHOWN,
            scale=alt.Scale(domain=SHOWN, range=["#1f4e8c", "#8a5200"]),
            legend=alt.Legend(orient="top", title=None),
        ),
    )
    x = alt.X("low:Q", title="AUC", scale=alt.Scale(domain=[0, 1]))
    layers = alt.layer(
        alt.Chart().mark_rule(strokeDash=[3, 3], color="#888").encode(alt.X("chance:Q")),
        base.mark_rule(strokeWidth=2).encode(x, x2="high:Q"),
        base.mark_point(filled=True, size=36, opacity=1).encode(alt.X("value:Q")),
        data=rows,
    )
    chart: alt.FacetChart = layers.properties(width=150, height=380).facet(
        column=alt.Column("group:N", sort=list(dict.fromkeys(rows["group"])), title=None)
    )
    return chart
