"""The reachability ladder of a case: each rung beside the controls that have it too."""

from __future__ import annotations

from math import isnan

from seedwitness.report.figure_evidence import ReachabilityLadder, Rung
from seedwitness.report.figures import is_higher_closer
from seedwitness.report.sources import CaseSource
from seedwitness.statistics.distances import score_of, with_distance

KEY = ["rung", "strength"]


def rank_ladder(source: CaseSource, metric: str) -> ReachabilityLadder | None:
    """The ladder by ``metric``, the closest of several seeds; None where there is no ladder."""
    target = with_distance(source.reach[source.reach["metric"] == metric])
    if target.empty:
        return None
    higher_is_closer = is_higher_closer(source, metric)
    left_out = source.case.memorised.rank.left_out
    controls = with_distance(source.controls_reach)
    controls = controls[controls["metric"] == metric]
    controls = controls[~controls["control"].isin(left_out)]
    folder = f"images/{source.case.checkpoint}/reach"
    rungs = []
    for number, ((name, strength), rows) in enumerate(target.groupby(KEY, sort=False)):
        of_rung = controls[(controls["rung"] == name) & (controls["strength"] == strength)]
        distances = of_rung.groupby("control")["distance"].min()
        distance = float(rows["distance"].min())
        rungs.append(
            Rung(
                rung=str(name),
                strength=float(rows["strength"].iloc[0]),
                prompt=str(rows["prompt"].iloc[0]),
                seeds=len(rows),
                score=score_of(distance, higher_is_closer),
                controls=len(distances),
                controls_closest=_score_or_none(distances.min(), higher_is_closer),
                controls_median=_score_or_none(distances.median(), higher_is_closer),
                controls_as_close=int((distances <= distance).sum()),
                image=f"{folder}/{number}.png",
            )
        )
    prompts = target.loc[target["prompt"] != "", "prompt"]
    return ReachabilityLadder(
        metric=metric,
        label=str(target.iloc[0]["label"]),
        higher_is_closer=higher_is_closer,
        prompt="" if prompts.empty else str(prompts.iloc[0]),
        rungs=rungs,
    )


def _score_or_none(distance: float, higher_is_closer: bool) -> float | None:
    """The score of a distance; None where there are no controls, so that it is NaN."""
    return None if isnan(distance) else score_of(float(distance), higher_is_closer)
