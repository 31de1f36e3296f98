"""How well figures tell pictures that were learned from held-out ones: AUC, TPR, findings.

Rows are what ``detectors.py`` measures: one a picture, prompt and figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from reckoned import FINDING, Value

from seedwitness.records.findings import Rank
from seedwitness.statistics.ranks import rank_among_controls
from seedwitness.statistics.roc import auc, estimate, tpr_at

NEGATIVES = "held out"
LESS = ", less the reference's"
"""Ends the name of a figure from which the same one of the reference checkpoint is taken off."""
OURS = FINDING + LESS


def less(rows: Sequence[Value], reference: Sequence[Value]) -> list[Value]:
    """Each figure less what the reference has of the same picture, prompt and noise."""
    theirs = {(row["picture"], row["prompt"], row["detector"]): row for row in reference}
    return [
        {
            **{key: row[key] for key in ("picture", "group", "prompt")},
            "detector": row["detector"] + LESS,
            "value": row["value"] - other["value"],
            **{key: row[key] + other[key] for key in ("nfe", "backward", "seconds")},
        }
        for row in rows
        for other in [theirs.get((row["picture"], row["prompt"], row["detector"]))]
        if other is not None
    ]


def figures(rows: Sequence[Value]) -> list[Value]:
    """AUC and TPR of each figure, by prompt and group, held-out pictures being the negatives."""
    found = []
    kinds = {(row["prompt"], row["detector"]): None for row in rows}
    for prompt, name in kinds:
        own = [row for row in rows if (row["prompt"], row["detector"]) == (prompt, name)]
        negatives = [row["value"] for row in own if row["group"] == NEGATIVES]
        for group in dict.fromkeys(row["group"] for row in own if row["group"] != NEGATIVES):
            positives = [row["value"] for row in own if row["group"] == group]
            found.append(
                {
                    "prompt": prompt,
                    "detector": name,
                    "group": group,
                    "auc": asdict(estimate(auc, positives, negatives)),
                    "tpr": asdict(estimate(tpr_at, positives, negatives)),
                    "nfe": own[0]["nfe"],
                    "backward": own[0]["backward"],
                    "seconds": sorted(row["seconds"] for row in own)[len(own) // 2],
                }
            )
    return found


def findings(rows: Sequence[Value], alpha: float = 0.01) -> list[Value]:
    """How many pictures are called supported: p ≤ α among held-out ones, and at least one copy.

    A held-out picture is ranked among all the others.
    """
    found = []
    for prompt in dict.fromkeys(row["prompt"] for row in rows):
        own = [row for row in rows if (row["prompt"], row["detector"]) == (prompt, FINDING)]
        for group in dict.fromkeys(row["group"] for row in own):
            asked = [row for row in own if row["group"] == group]
            supported = sum(row["copies"] > 0 and _rank(row, own).p <= alpha for row in asked)
            found.append(
                {"prompt": prompt, "group": group, "supported": supported, "n": len(asked)}
            )
    return found


def _rank(row: Value, own: Sequence[Value]) -> Rank:
    """Of a picture among the held-out ones, by the closest descriptor."""

    def closest(each: Value) -> float:
        return float(each["value"] - 2 * (each["copies"] > 0))

    others = [
        closest(each)
        for each in own
        if each["group"] == NEGATIVES and each["picture"] != row["picture"]
    ]
    return rank_among_controls(closest(row), others, higher_is_closer=True, alpha=0.01)
