"""Published detectors of a case, each by its rank among the controls that it also examined."""

from __future__ import annotations

from seedwitness.report.figure_evidence import DetectorResult
from seedwitness.report.figures import finite_or_none
from seedwitness.report.measured_rates import find_power
from seedwitness.report.sources import CaseSource


def rank_detectors(source: CaseSource) -> list[DetectorResult]:
    """One entry a detector, in the order in which they ran; the target is no control."""
    left_out = source.case.memorised.rank.left_out
    controls = source.controls_detected
    controls = controls[~controls["control"].isin(left_out)]
    results = []
    for row in source.detected.to_dict("records"):
        values = controls.loc[controls["detector"] == row["detector"], "value"]
        as_high = int((~(values < row["value"])).sum())  # what is no number is not below
        results.append(
            DetectorResult(
                detector=row["detector"],
                source=row["source"],
                needs=row["needs"],
                prompt=row["prompt"],
                seeds=row["seeds"],
                value=finite_or_none(row["value"]),
                nfe=row["nfe"],
                backward=row["backward"],
                controls=len(values),
                controls_highest=finite_or_none(values.max()) if len(values) else None,
                controls_median=finite_or_none(values.median()) if len(values) else None,
                controls_as_high=as_high,
                share=(1 + as_high) / (1 + len(values)),
                power=find_power(str(row["detector"])),
            )
        )
    return results
