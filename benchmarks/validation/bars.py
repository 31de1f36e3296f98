"""The bars that findings have to meet, what was measured, and whether it meets them."""

from __future__ import annotations

from typing import Any

from benchmarks.detectors.discrimination import (
    FINDING,
    FINDING_MINUS_REFERENCE,
    detector_label,
)
from benchmarks.shared.groups import (
    HELD_OUT,
    MEMORISED,
    NOT_PLANTED,
    PLANTED,
    REFERENCE,
    group_label,
)
from benchmarks.shared.markdown import format_rate, format_tpr, format_verdict
from benchmarks.shared.prompt_sources import LABELS, PIXELS_ALONE, STATED
from seedwitness.detectors import DETECTORS

Row = dict[str, Any]

MIN_SUPPORTED = {PLANTED[0]: 0.95, PLANTED[1]: 0.80}
"""Rates of supported findings to reach on planted images."""

MAX_SUPPORTED = 0.01
"""The highest rate of supported findings on images that were not planted."""

MAX_NFE = 2000
"""NFE that a case may take."""


def rates_of(lab: Row, source: str, checkpoint: str, group: str) -> Row:
    """The rates of one group, examined with the prompts of one source on one checkpoint."""
    key = (source, checkpoint, group)
    [rates] = [row for row in lab["rates"] if (row["way"], row["checkpoint"], row["group"]) == key]
    result: Row = rates
    return result


def prompt_sources(lab: Row) -> list[str]:
    """The sources of prompts that images were examined with."""
    measured = {row["way"] for row in lab["rates"]}
    return [source for source in LABELS if source in measured]


def render_bars(lab: Row, detector_figures: Row) -> list[list[str]]:
    """Rows of the table of bars: what, bar, measured, whether it is met.

    ``detector_figures`` are those of the detectors' page, by lab.
    """
    return [
        *_not_planted_bars(lab),
        *_planted_bars(lab),
        *_reference_bars(lab),
        *_distribution_bars(lab),
        [
            "NFE a case, at most",
            f"{MAX_NFE:,}",
            f"{lab['nfe']:,}",
            format_verdict(lab["nfe"] <= MAX_NFE),
        ],
        *compare_with_detectors(lab, detector_figures),
    ]


def _not_planted_bars(lab: Row) -> list[list[str]]:
    rows = []
    for group in NOT_PLANTED:
        for source in prompt_sources(lab):
            rates = rates_of(lab, source, MEMORISED, group)
            supported, excluded = rates["supported"], rates["refused"]["hits"]
            is_met = supported["hits"] <= MAX_SUPPORTED * (supported["n"] - excluded)
            measured = format_rate(supported) + (f"; {excluded} excluded" if excluded else "")
            what = f"{group_label(group)}, {LABELS[source]}: supported"
            rows.append([what, "≤ 1 %", measured, format_verdict(is_met)])
    return rows


def _planted_bars(lab: Row) -> list[list[str]]:
    rows = []
    for group, bar in MIN_SUPPORTED.items():
        for source in prompt_sources(lab):
            rates = rates_of(lab, source, MEMORISED, group)
            supported, reasons = rates["supported"], list_obstacles(rates)
            what = f"{group}, {LABELS[source]}: supported"
            if source == PIXELS_ALONE:
                measured = f"{format_rate(supported)}; {reasons}"
                rows.append([what, "none", measured, format_verdict(None)])
            else:
                is_met = supported["hits"] >= bar * supported["n"]
                verdict = format_verdict(is_met, reasons)
                rows.append([what, f"≥ {100 * bar:.0f} %", format_rate(supported), verdict])
    return rows


def _reference_bars(lab: Row) -> list[list[str]]:
    """What the reference gives by the same recipes; by rule its findings are never supported."""
    reference = [row for row in lab["rates"] if row["checkpoint"] == REFERENCE]
    hits, n = (sum(row["supported"][key] for row in reference) for key in ("hits", "n"))
    rows = [
        [
            f"`{REFERENCE}`, same recipes: supported (by rule the reference never is)",
            "0",
            f"{hits} of {n:,}",
            format_verdict(not hits),
        ]
    ]
    for is_seen, groups in (
        (False, "planted, twins, held out"),
        (True, "seen once (by this checkpoint too)"),
    ):
        counts = [row["both"] for row in reference if (row["group"] == "once") == is_seen]
        hits, n = (sum(count[key] for count in counts) for key in ("hits", "n"))
        rows.append(
            [
                f"`{REFERENCE}`, {groups}, same recipes: p ≤ α and a copy",
                "none" if is_seen else "0",
                f"{hits} of {n:,}",
                format_verdict(None if is_seen else not hits),
            ]
        )
    return rows


def _distribution_bars(lab: Row) -> list[list[str]]:
    """Whether statistics of held-out images are distributed as those of the controls."""
    return [
        [
            f"`{row['checkpoint']}`, {HELD_OUT}, {LABELS[STATED]}: statistics distributed as the "
            "controls'",
            "p > 0.05",
            f"p = {row['p']:.2f} (Kolmogorov–Smirnov, n = {row['n']} and {row['controls']})",
            format_verdict(row["p"] > 0.05),
        ]
        for row in lab["exchangeable"]
        if (row["way"], row["group"]) == (STATED, HELD_OUT)
    ]


def list_obstacles(rates: Row) -> str:
    """What kept findings of a group from being supported, with counts."""
    explained = sum(rates[key]["hits"] for key in ("supported", "refused", "unseen", "no_copy"))
    counts = {
        "excluded": rates["refused"]["hits"],
        "with p above α": rates["unseen"]["hits"],
        "without a copy": rates["no_copy"]["hits"],
        "as close on the reference": rates["supported"]["n"] - explained,
    }
    return ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)


def compare_with_detectors(lab: Row, detector_figures: Row) -> list[list[str]]:
    """Rows of the table of bars: our finding beside the best single detector on the same lab.

    Detectors are those of docs/detectors.json. Our finding stands twice: as it is there, with the
    same prompt, seeds and negatives, and by the search that is judged here.
    """
    by_checkpoint = {figures["checkpoint_sha256"]: figures for figures in detector_figures.values()}
    measured = by_checkpoint.get(lab["checkpoints"][MEMORISED])
    if measured is None:
        return [["TPR at 1 % FPR", "above every detector", "detectors were not measured", "–"]]
    rows = []
    for group in PLANTED:
        bench = {
            row["detector"]: row
            for row in measured["figures"]
            if (row["group"], row["prompt"]) == (group, "training caption")
        }
        best_name = max(
            (name for name in bench if name in DETECTORS),
            key=lambda name: float(bench[name]["tpr"]["value"]),
        )
        best = bench[best_name]
        search = {
            row["by"]: {**row, "nfe": lab["nfe"] * (1 + (row["by"] == FINDING_MINUS_REFERENCE))}
            for row in lab["told_apart"]
            if (row["way"], row["group"]) == (STATED, group)
        }
        bar = f"above every detector ({best_name}: {format_tpr(best['tpr'])})"
        for run, scores in (
            ("the detectors' benchmark", bench),
            (f"this search, {LABELS[STATED]}", search),
        ):
            ours, alone = scores[FINDING_MINUS_REFERENCE], scores[FINDING]
            is_above = ours["tpr"]["value"] > best["tpr"]["value"]
            if is_above:
                reason = f"with more than {MAX_NFE:,} NFE"
            elif ours["tpr"]["value"] == best["tpr"]["value"]:
                reason = "equal to the best detector"
            else:
                reason = explain_shortfall(ours, alone, best, lab if scores is search else None)
            rows.append(
                [
                    f"{group}: TPR at 1 % FPR in {run}, {detector_label(FINDING_MINUS_REFERENCE)}",
                    bar,
                    f"{format_tpr(ours['tpr'])} with {ours['nfe']:,} NFE, the reference's "
                    f"included; without the reference {format_tpr(alone['tpr'])} with "
                    f"{alone['nfe']:,}",
                    format_verdict(is_above and ours["nfe"] <= MAX_NFE, reason),
                ]
            )
    return rows


def explain_shortfall(ours: Row, alone: Row, best: Row, lab: Row | None) -> str:
    """Why our finding tells fewer images apart than the best detector.

    As a score it ranks images with a copy above all others. The images it misses have no copy: they
    rank by their descriptor, or cannot pass at all where too many negatives have copies. ``lab``
    holds the rates of a search; None for the detectors' benchmark.
    """
    reasons = []
    price = alone["tpr"]["value"] - ours["tpr"]["value"]
    if price > 0:
        reasons.append(f"subtracting the reference costs {price:.3f}")
    if alone["tpr"]["value"] < best["tpr"]["value"]:
        copies = lab and explain_copies(rates_of(lab, STATED, MEMORISED, HELD_OUT))
        reasons.append(copies or "the descriptor separates too few of the images without a copy")
    return "; ".join(reasons)


def explain_copies(negatives: Row) -> str:
    """Where more than 1 % of negatives have a copy: that no image without a copy can pass."""
    copied, both = negatives["copied"], negatives["both"]["hits"] or "none"
    if copied["hits"] <= 0.01 * copied["n"]:
        return ""
    return (
        f"{copied['hits']} of {copied['n']} held-out images have a copy ({both} of these with "
        "p ≤ α), so an image without one cannot pass"
    )
