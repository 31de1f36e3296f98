"""Every figure of *exposed* on one lab, as JSON.

    .venv/bin/python -m benchmarks.exposure.exposure_figures [--lab data/lab] [--negatives 400]

Losses are stored below `--scratch` image by image, so an interrupted run can go on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.exposure.measurements import (
    OWN_OUTPUTS,
    PROMPTS,
    SETTINGS,
    STATISTICS,
    measure_lab,
)
from benchmarks.exposure.portfolios import ALPHA, measure_nulls, measure_power
from benchmarks.shared.groups import HELD_OUT, MEMORISED, REFERENCE
from benchmarks.shared.measurement import print_figures
from benchmarks.shared.rates import rate_figures
from seedlab.lab_folder import open_lab
from seedwitness.statistics.blind_features import cross_fit_classifier, rank_unusual
from seedwitness.statistics.ranks import rank_among_controls
from seedwitness.statistics.residual_ranks import fit_residuals
from seedwitness.statistics.roc import estimate_auc, estimate_by_bootstrap, tpr_at

CONTROLS = 100
"""Held-out images that a target is ranked among, the first ones; the others are targets."""

LOSS, GAIN, DIFFERENCE = "loss", "gain over the reference", "loss less the reference’s"
MINUS_REFERENCE = " less the reference’s"

Row = dict[str, Any]


def column(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    """The values of a column."""
    return np.array([row[name] for row in rows], dtype=float)


def list_scores(rows: Sequence[Row]) -> dict[tuple[str, str], NDArray[np.float64]]:
    """By score and prompt one value an image, higher for exposed."""
    scores = {}
    for prompt in PROMPTS:
        here, there = (column(rows, f"{name} {prompt}") for name in (MEMORISED, REFERENCE))
        # The line through all images alike, as the finding draws it through its controls.
        fit = fit_residuals(here[0], there[0], here[1:].tolist(), there[1:].tolist())
        scores[LOSS, prompt] = -here
        scores[DIFFERENCE, prompt] = there - here
        scores[GAIN, prompt] = -np.array([fit.target, *fit.controls])
    return scores


def compare_scores(rows: Sequence[Row]) -> list[Row]:
    """AUC and TPR at 1 % FPR of each score, by group, against held-out images."""
    figures: list[Row] = []

    def add(score: str, prompt: str, group: str, values: NDArray[np.float64]) -> None:
        groups = np.array([row["group"] for row in chosen])
        both = values[groups == group], values[groups == HELD_OUT]
        figures.append(
            {
                "score": score,
                "prompt": prompt,
                "group": group,
                "auc": asdict(estimate_auc(*both)),
                "tpr": asdict(estimate_by_bootstrap(tpr_at, *both)),
            }
        )

    names = [name for name in dict.fromkeys(row["group"] for row in rows) if name != HELD_OUT]
    for group in names:
        # Each group by itself, so that no line is drawn through other exposed images.
        chosen = [row for row in rows if row["group"] in (group, HELD_OUT)]
        for (score, prompt), values in list_scores(chosen).items():
            add(score, prompt, group, values)
        chosen = [row for row in chosen if f"{MEMORISED} {STATISTICS[0]}" in row]
        for statistic in STATISTICS:
            here, there = (column(chosen, f"{name} {statistic}") for name in (MEMORISED, REFERENCE))
            add(statistic, "caption", group, here)
            add(statistic + MINUS_REFERENCE, "caption", group, here - there)
    return figures


def count_findings(rows: Sequence[Row]) -> list[Row]:
    """How many targets of each group have p ≤ α, are refused blindly, and would be supported.

    The scan of the seeds, which excludes own outputs, is left out here.
    """
    held_out = [row for row in rows if row["group"] == HELD_OUT]
    controls = held_out[:CONTROLS]
    targets = [row for row in rows if row["group"] != HELD_OUT] + held_out[CONTROLS:]
    figures = []
    for prompt in PROMPTS:
        results: dict[str, list[tuple[bool, bool, bool]]] = {}
        here, there = (
            column(controls, f"{name} {prompt}").tolist() for name in (MEMORISED, REFERENCE)
        )
        for row in targets:
            fit = fit_residuals(
                row[f"{MEMORISED} {prompt}"], row[f"{REFERENCE} {prompt}"], here, there
            )
            p = rank_among_controls(fit.target, fit.controls.tolist(), ALPHA).p
            blind = rank_unusual(
                {
                    group: np.array(
                        [
                            list(each["features"][group].values())
                            if prompt == "caption" or group != "caption"
                            else [0.0]
                            for each in (row, *controls)
                        ]
                    )
                    for group in row["features"]
                }
            )
            refused = blind.p <= SETTINGS.blind_alpha
            results.setdefault(row["group"], []).append(
                (p <= ALPHA, refused, p <= ALPHA and not refused)
            )
        for group, found in results.items():
            figures.append(
                {"prompt": prompt, "group": group, "n": len(found)}
                | {
                    name: rate_figures(sum(each[k] for each in found), len(found))
                    for k, name in enumerate(("small", "refused", "supported"))
                }
            )
    return figures


def classify_blindly(rows: Sequence[Row]) -> list[Row]:
    """AUC of the blind classifier, each group against the held-out images."""

    def matrix(chosen: Sequence[Row]) -> NDArray[np.float64]:
        return np.array(
            [
                [value for values in row["features"].values() for value in values.values()]
                for row in chosen
            ]
        )

    negatives = matrix([row for row in rows if row["group"] == HELD_OUT])
    half = len(negatives) // 2
    figures = [
        {
            "group": "held out, one half against the other",
            "auc": asdict(cross_fit_classifier(negatives[:half], negatives[half:]).auc),
        }
    ]
    for group in dict.fromkeys(row["group"] for row in rows):
        if group != HELD_OUT:
            own = matrix([row for row in rows if row["group"] == group])
            figures.append(
                {"group": group, "auc": asdict(cross_fit_classifier(own, negatives).auc)}
            )
    return figures


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lab", type=Path, default=Path("data/lab"))
    parser.add_argument("--planted", type=int, default=24, help="images of each exposure")
    parser.add_argument("--others", type=int, default=48, help="seen once, twins, own outputs")
    parser.add_argument("--negatives", type=int, default=400, help="held-out images")
    parser.add_argument("--statistics", type=int, default=60, help="held-out images of detectors")
    parser.add_argument("--portfolios", type=int, default=1000, help="portfolios never seen")
    parser.add_argument("--draws", type=int, default=40, help="portfolios of each cell of power")
    parser.add_argument("--scratch", type=Path, default=Path("data/exposure"))
    arguments = parser.parse_args()
    lab = open_lab(arguments.lab)
    rows, loaded = measure_lab(
        lab,
        arguments.planted,
        arguments.others,
        arguments.negatives,
        arguments.statistics,
        arguments.scratch,
    )
    identities = (loaded[MEMORISED].checkpoint, loaded[REFERENCE].checkpoint)
    print_figures(
        {
            "lab": lab.name,
            "checkpoint_sha256": identities[0].sha256,
            "reference_sha256": identities[1].sha256,
            "levels": SETTINGS.levels,
            "noises": SETTINGS.noises,
            "controls": CONTROLS,
            "blind_alpha": SETTINGS.blind_alpha,
            "own_outputs": OWN_OUTPUTS,
            "scores": compare_scores(rows),
            "findings": count_findings(rows),
            "blind": classify_blindly(rows),
            "nulls": measure_nulls(rows, arguments.portfolios, identities),
            "power": measure_power(rows, arguments.draws, identities),
        }
    )


if __name__ == "__main__":
    main()
