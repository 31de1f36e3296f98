"""What findings are worth: rates, TPR, exchangeability and likelihood ratios, by prompt source.

A row is a finding of `blind_judgement.py`, with the group that its image belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from scipy.stats import ks_2samp

from benchmarks.detectors.discrimination import FINDING, FINDING_MINUS_REFERENCE
from benchmarks.shared.groups import HELD_OUT, MEMORISED, PLANTED, REFERENCE
from benchmarks.shared.prompt_sources import STATED
from benchmarks.shared.rates import rate_figures
from seedwitness.statistics.likelihood_ratio import calibrate, cllr
from seedwitness.statistics.roc import auc, estimate_by_bootstrap, tpr_at

Row = dict[str, Any]


def validation_figures(
    judgement: Row, rows: Sequence[Row], groups: Sequence[str], alpha: float
) -> Row:
    """All figures of a lab under one budget."""
    sources = list(dict.fromkeys(row["way"] for row in rows))
    checkpoints = list(judgement["checkpoints"])
    return {
        "rates": [
            {"way": source, "checkpoint": checkpoint, "group": group}
            | finding_rates(select_findings(rows, source, checkpoint, group), alpha)
            for source in sources
            for checkpoint in checkpoints
            for group in groups
        ],
        "told_apart": [
            row for source in sources for row in discrimination_by_score(rows, source, groups)
        ],
        "exchangeable": [
            compare_distributions(
                judgement["controls"][checkpoint], select_findings(rows, source, checkpoint, group)
            )
            | {"way": source, "checkpoint": checkpoint, "group": group}
            for source in sources
            for checkpoint in checkpoints
            for group in (HELD_OUT, "twins", "once")
        ],
        "likelihood": [
            likelihood_figures(rows, source, judgement["controls"][MEMORISED]) | {"way": source}
            for source in sources
        ],
        "nfe": max(row["nfe"] for row in rows),
    }


def select_findings(rows: Sequence[Row], source: str, checkpoint: str, group: str) -> list[Row]:
    """The findings of one group, examined with the prompts of one source on one checkpoint."""
    key = (source, checkpoint, group)
    return [row for row in rows if (row["way"], row["checkpoint"], row["group"]) == key]


def finding_rates(rows: Sequence[Row], alpha: float) -> Row:
    """The counts of ``count_findings`` as rates with Clopper–Pearson intervals."""
    counts = count_findings(rows, alpha)
    return {name: rate_figures(hits, len(rows)) for name, hits in counts.items()}


def count_findings(rows: Sequence[Row], alpha: float) -> dict[str, int]:
    """How many findings have each answer, each obstacle, and each part of the evidence.

    ``unseen`` counts the findings that were not excluded and have p above α, ``no_copy`` those with
    p at most α that have no copy. What is neither of these nor supported failed against the
    reference. ``by_pdq`` counts the findings that would be supported if copies were those by PDQ.
    """
    included = [row for row in rows if not row["refused"]]
    significant = [row for row in included if row["p"] <= alpha]
    return {
        "supported": sum(row["finding"] == "supported" for row in rows),
        "by_pdq": sum(row["by_pdq"] == "supported" for row in rows),
        "inconclusive": sum(row["finding"] == "inconclusive" for row in rows),
        "refused": len(rows) - len(included),
        "unseen": len(included) - len(significant),
        "no_copy": sum(not row["copies"] for row in significant),
        "copied": sum(row["copies"] > 0 for row in rows),
        "significant": sum(row["p"] <= alpha for row in rows),
        "both": sum(row["p"] <= alpha and row["copies"] > 0 for row in rows),
    }


def _finding_score(row: Row) -> float:
    return float(row["statistic"] + 2 * (row["copies"] > 0))


SCORES: dict[str, Callable[[Row, Row], float]] = {
    FINDING_MINUS_REFERENCE: lambda row, other: _finding_score(row) - _finding_score(other),
    FINDING: lambda row, _: _finding_score(row),
    "descriptor": lambda row, _: float(row["closest"]["descriptor"]),
    "patch-l2": lambda row, _: -float(row["closest"]["patch-l2"]),
    "lpips": lambda row, _: -float(row["closest"]["lpips"]),
    "ssim": lambda row, _: float(row["closest"]["ssim"]),
    "clip": lambda row, _: float(row["closest"]["clip"]),
}
"""Scores of an image, higher for closer, from its findings on lab-memorised and on the reference.
The finding's score ranks images with a copy above all others, then by the statistic."""


def pair_with_reference(rows: Sequence[Row], source: str, group: str) -> list[tuple[Row, Row]]:
    """The findings of one group on lab-memorised, each with the one on the reference."""
    memorised, reference = (
        {row["picture"]: row for row in select_findings(rows, source, checkpoint, group)}
        for checkpoint in (MEMORISED, REFERENCE)
    )
    return [(row, reference[picture]) for picture, row in memorised.items()]


def discrimination_by_score(rows: Sequence[Row], source: str, groups: Sequence[str]) -> list[Row]:
    """TPR at 1 % FPR and AUC of each score, by group, against the held-out images."""
    pairs = {group: pair_with_reference(rows, source, group) for group in groups}
    figures = []
    for name, score in SCORES.items():
        values = {group: [score(*pair) for pair in pairs[group]] for group in groups}
        figures += [
            {
                "way": source,
                "by": name,
                "group": group,
                "tpr": asdict(estimate_by_bootstrap(tpr_at, values[group], values[HELD_OUT])),
                "auc": asdict(estimate_by_bootstrap(auc, values[group], values[HELD_OUT])),
            }
            for group in groups
            if group != HELD_OUT
        ]
    return figures


def compare_distributions(controls: Sequence[float], rows: Sequence[Row]) -> Row:
    """Compare the statistics of images with those of controls, and list the images' p-values.

    By the two-sample test of Kolmogorov and Smirnov. The p-values of the images share their
    controls, so they depend on each other and are no independent sample.
    """
    statistics = [row["statistic"] for row in rows]
    test = ks_2samp(statistics, controls)
    return {
        "n": len(statistics),
        "controls": len(controls),
        "distance": float(test.statistic),
        "p": float(test.pvalue),
        "p_values": sorted(row["p"] for row in rows),
    }


def likelihood_figures(rows: Sequence[Row], source: str, controls: Sequence[float]) -> Row:
    """Likelihood ratios by a report's calibration, of images that the calibration did not use.

    It is calibrated on the controls and on one half of the images planted 32 and 128 times, with
    their caption stated; it judges the other half and the held-out images.
    """

    def planted_statistics(source: str, half: int) -> list[float]:
        return [
            row["statistic"]
            for group in PLANTED[:2]
            for row in select_findings(rows, source, MEMORISED, group)
            if int(row["picture"], 16) % 2 == half
        ]

    positives = planted_statistics(STATED, 0)
    calibration = calibrate(positives, controls)
    h1 = [calibration.ratio(value) for value in planted_statistics(source, 1)]
    held_out = select_findings(rows, source, MEMORISED, HELD_OUT)
    h2 = [calibration.ratio(row["statistic"]) for row in held_out]
    return {
        "cllr": cllr(h1, h2),
        "calibrated_on": [len(positives), len(controls)],
        "h1": h1,
        "h2": h2,
        "misleading_h1": rate_figures(sum(ratio < 1 for ratio in h1), len(h1)),
        "misleading_h2": rate_figures(sum(ratio > 1 for ratio in h2), len(h2)),
    }
