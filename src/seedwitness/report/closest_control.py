"""The control that came back closest, so that a reader sees what the target is compared with."""

from __future__ import annotations

from seedwitness.report.case_copies import find_copies
from seedwitness.report.evidence import ClosestControl
from seedwitness.report.figures import is_higher_closer, select_controls
from seedwitness.report.sources import CaseSource
from seedwitness.statistics.distances import score_of, with_distance


def find_closest_control(source: CaseSource, metric: str) -> ClosestControl | None:
    """The closest trial of all controls by ``metric``, ties by name; None without controls."""
    controls = select_controls(source)
    scores = with_distance(controls[controls["metric"] == metric])
    if scores.empty:
        return None
    row = scores.sort_values(["distance", "control", "trial"]).iloc[0]
    own = controls[(controls["control"] == row["control"]) & (controls["trial"] == row["trial"])]
    folder = f"images/{source.case.checkpoint}/controls"
    pixels, trial = str(row["pixels_sha256"]), str(row["trial"])
    shown = {name: f"{folder}/{name}.png" for name in (pixels[:16], trial)}
    return ClosestControl(
        control=str(row["control"]),
        pixels_sha256=pixels,
        caption=str(row["caption"]),
        trial=trial,
        score=score_of(float(row["distance"]), is_higher_closer(source, metric)),
        is_copy=find_copies(source, own).get(trial),
        image=shown[pixels[:16]] if pixels[:16] in source.control_images else None,
        regeneration=shown[trial] if trial in source.control_images else None,
    )
