"""Published detectors of a case: each by its rank among the controls that were asked the same."""

from __future__ import annotations

from seedwitness.report.evidence import Detected
from seedwitness.report.figures import finite
from seedwitness.report.sources import CaseSource


def detected(source: CaseSource) -> list[Detected]:
    """One entry a detector, in the order in which they were asked; the target is no control."""
    left_out = source.case.memorised.rank.left_out
    others = source.controls_detected
    others = others[~others["control"].isin(left_out)]
    found = []
    for row in source.detected.to_dict("records"):
        theirs = others.loc[others["detector"] == row["detector"], "value"]
        as_high = int((~(theirs < row["value"])).sum())  # what is no number is not below
        found.append(
            Detected(
                detector=row["detector"],
                source=row["source"],
                needs=row["needs"],
                prompt=row["prompt"],
                seeds=row["seeds"],
                value=finite(row["value"]),
                nfe=row["nfe"],
                backward=row["backward"],
                controls=len(theirs),
                controls_highest=finite(theirs.max()) if len(theirs) else None,
                controls_median=finite(theirs.median()) if len(theirs) else None,
                controls_as_high=as_high,
                share=(1 + as_high) / (1 + len(theirs)),
            )
        )
    return found
