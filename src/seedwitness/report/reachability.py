"""The reachability ladder of a case: each rung beside the controls that climbed it too."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seedwitness.report.evidence import Reach, Rung
from seedwitness.report.figures import closer_is_higher
from seedwitness.report.sources import CaseSource

KEY = ["rung", "strength"]


def reach(source: CaseSource, metric: str) -> Reach | None:
    """The ladder by ``metric``, of several seeds the closest; None where none was climbed."""
    own = source.reach[source.reach["metric"] == metric]
    if own.empty:
        return None
    higher = closer_is_higher(source, metric)
    left_out = source.case.memorised.rank.left_out
    theirs = source.controls_reach
    theirs = theirs[(theirs["metric"] == metric)]
    theirs = theirs[~theirs["control"].isin(left_out)]
    folder = f"images/{source.case.checkpoint}/reach"
    rungs = []
    for number, ((name, strength), rows) in enumerate(own.groupby(KEY, sort=False)):
        others = theirs[(theirs["rung"] == name) & (theirs["strength"] == strength)]
        best = _closest(others.groupby("control")["score"], higher)
        score = float(_closest(rows["score"], higher))
        as_close = best >= score if higher else best <= score
        rungs.append(
            Rung(
                rung=str(name),
                strength=float(rows["strength"].iloc[0]),
                prompt=str(rows["prompt"].iloc[0]),
                seeds=len(rows),
                score=score,
                controls=len(best),
                controls_closest=_of(_closest(best, higher), best),
                controls_median=_of(best.median(), best),
                controls_as_close=int(as_close.sum()),
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


def _closest(values: Any, higher: bool) -> Any:
    return values.max() if higher else values.min()


def _of(value: Any, best: pd.Series) -> float | None:
    return float(value) if len(best) else None
