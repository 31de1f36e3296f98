"""How well values tell learned images from held-out ones: AUC, TPR at 1 % FPR, and findings.

Rows are what ``detector_figures.py`` measures: one for each image, prompt and detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.shared.groups import HELD_OUT
from seedwitness.records.findings import Rank
from seedwitness.statistics.ranks import rank_among_controls
from seedwitness.statistics.roc import auc, estimate_by_bootstrap, tpr_at

FINDING = "our finding"
"""The finding as a score: images of which a generation is a copy by patch-L2 rank above all others,
and among themselves images rank by the closest descriptor, by which a finding ranks them too."""

MINUS_REFERENCE = ", less the reference's"
"""Ends the name of a detector from whose value that of the reference checkpoint is subtracted."""

FINDING_MINUS_REFERENCE = FINDING + MINUS_REFERENCE
CLOSEST = "most-alike"

Row = dict[str, Any]


def detector_label(name: str) -> str:
    """The name of a detector on a page."""
    return name.replace(MINUS_REFERENCE, " minus reference")


def subtract_reference(rows: Sequence[Row], reference: Sequence[Row]) -> list[Row]:
    """Each value minus the reference checkpoint's for the same image, prompt and noise.

    Costs add up. Rows without a counterpart on the reference are left out.
    """
    reference_rows = {(row["picture"], row["prompt"], row["detector"]): row for row in reference}
    return [
        {
            **{key: row[key] for key in ("picture", "group", "prompt")},
            "detector": row["detector"] + MINUS_REFERENCE,
            "value": row["value"] - other["value"],
            **{key: row[key] + other[key] for key in ("nfe", "backward", "seconds")},
        }
        for row in rows
        for other in [reference_rows.get((row["picture"], row["prompt"], row["detector"]))]
        if other is not None
    ]


def discrimination_figures(rows: Sequence[Row]) -> list[Row]:
    """AUC and TPR at 1 % FPR of each detector, by prompt and group, against held-out images."""
    figures = []
    for prompt, detector in dict.fromkeys((row["prompt"], row["detector"]) for row in rows):
        same = [row for row in rows if (row["prompt"], row["detector"]) == (prompt, detector)]
        negatives = [row["value"] for row in same if row["group"] == HELD_OUT]
        for group in dict.fromkeys(row["group"] for row in same if row["group"] != HELD_OUT):
            positives = [row["value"] for row in same if row["group"] == group]
            figures.append(
                {
                    "prompt": prompt,
                    "detector": detector,
                    "group": group,
                    "auc": asdict(estimate_by_bootstrap(auc, positives, negatives)),
                    "tpr": asdict(estimate_by_bootstrap(tpr_at, positives, negatives)),
                    "nfe": same[0]["nfe"],
                    "backward": same[0]["backward"],
                    "seconds": sorted(row["seconds"] for row in same)[len(same) // 2],
                }
            )
    return figures


def count_findings(rows: Sequence[Row], alpha: float = 0.01) -> list[Row]:
    """How many images have a supported finding: p ≤ α among held-out images and at least one copy.

    A held-out image is ranked among all the others.
    """
    counts = []
    for prompt in dict.fromkeys(row["prompt"] for row in rows):
        same = [row for row in rows if (row["prompt"], row["detector"]) == (prompt, FINDING)]
        for group in dict.fromkeys(row["group"] for row in same):
            members = [row for row in same if row["group"] == group]
            supported = sum(
                row["copies"] > 0 and _rank_among_held_out(row, same).p <= alpha for row in members
            )
            counts.append(
                {"prompt": prompt, "group": group, "supported": supported, "n": len(members)}
            )
    return counts


def _rank_among_held_out(row: Row, rows: Sequence[Row]) -> Rank:
    """Rank of an image among the other held-out images, by its closest descriptor."""
    controls = [
        -_closest_descriptor(other)
        for other in rows
        if other["group"] == HELD_OUT and other["picture"] != row["picture"]
    ]
    return rank_among_controls(-_closest_descriptor(row), controls, 0.01)


def _closest_descriptor(row: Row) -> float:
    return float(row["value"] - 2 * (row["copies"] > 0))
