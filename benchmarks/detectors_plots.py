"""The plots of the bench of detectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
from detectors import PROMPTS


def plot(name: str, found: Mapping[str, Any], folder: Path) -> None:
    """One plot of a lab, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    told(found).save(folder / f"{name}.png", scale_factor=1.5)


def told(found: Mapping[str, Any]) -> alt.FacetChart:
    """AUC of every figure with its interval, by group and prompt."""
    rows = pd.DataFrame(
        [
            {
                **{key: each[key] for key in ("prompt", "detector", "group")},
                **{key: each["auc"][key] for key in ("value", "low", "high")},
            }
            for each in found["figures"]
            if each["prompt"] in PROMPTS[:2]
        ]
    )
    rows["chance"] = 0.5
    base = alt.Chart().encode(
        y=alt.Y("detector:N", sort=list(dict.fromkeys(rows["detector"])), title=None),
        yOffset=alt.YOffset("prompt:N", sort=PROMPTS),
        color=alt.Color(
            "prompt:N",
            sort=PROMPTS,
            scale=alt.Scale(domain=PROMPTS[:2], range=["#1f4e8c", "#8a5200"]),
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
