"""The reachability ladder of a case: each rung beside the controls that climbed it too."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seedwitness.report.evidence import Reach, Rung
from seedwitness.report.figures import closer_is_higher
from seedwitness.report.sources import CaseSource
from seedwitness.statistics.distances import score_of, with_distance

KEY = ["rung", "strength"]


def reach(source: CaseSource, metric: str) -> Reach | None:
    """The ladder by ``metric``, of several seeds the closest; None where none was climbed."""
    own = source.reach[source.reach["metric"] == metric]
    if own.empty:
        return None
    higher = closer_is_higher(source, metric)
    own = with_distance(own)
    left_out = source.case.memorised.rank.left_out
    theirs = with_distance(source.controls_reach)
    theirs = theirs[(theirs["metric"] == metric)]
    theirs = theirs[~theirs["control"].isin(left_out)]
    folder = f"images/{source.case.checkpoint}/reach"
    rungs = []
    for number, ((name, strength), rows) in enumerate(own.groupby(KEY, sort=False)):
        others = theirs[(theirs["rung"] == name) & (theirs["strength"] == strength)]
        best = others.groupby("control")["distance"].min()
        distance = float(rows["distance"].min())
        rungs.append(
            Rung(
                rung=str(name),
                strength=float(rows["strength"].iloc[0]),
                prompt=str(rows["prompt"].iloc[0]),
                seeds=len(rows),
                score=score_of(distance, higher),
                controls=len(best),
                controls_closest=_score(best.min(), best, higher),
                controls_median=_score(best.median(), best, higher),
                controls_as_close=int((best <= distance).sum()),
                image=f"{folder}/{number}.png",
            )
        )
    texts = own.loc[own["prompt"] != "", "prompt"]
    about = own.iloc[0]
    return Reach(
        metric=metric,
        label=str(about["label"]),
        higher_is_closer=higher,
        prompt="" if texts.empty else str(texts.iloc[0]),
        rungs=rungs,
    )


def _score(distance: Any, best: pd.Series, higher: bool) -> float | None:
    return score_of(float(distance), higher) if len(best) else None
