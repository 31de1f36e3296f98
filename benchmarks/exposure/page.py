"""The page of *exposed*: figures to Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.shared.groups import EXPOSURES, HELD_OUT, group_label
from benchmarks.shared.markdown import (
    EXACT_INTERVAL_NOTE,
    describe_place,
    format_auc,
    format_rate,
    format_table,
    format_tpr,
)

Row = Mapping[str, Any]

PROMPT_LABELS = {"caption": "training caption", "empty": "empty prompt"}

INTRODUCTION = (
    "Question: at a false positive rate of 1 %, how often is an exposed image found by its "
    "denoising loss, and how often is something else taken for it?\n\n"
)

METHOD = (
    "## Method\n\n"
    "Written by `make bench-exposure`; the figures are in [exposure.json](exposure.json). This is "
    "the lab of small checkpoints whose ordinary pictures are seen in every epoch. It says nothing "
    "of large published checkpoints, where statistics of this kind were near chance in the "
    "literature.\n\n"
    "An image's loss is the mean over the timesteps and noises of the settings. The *gain* is the "
    "residual on a line in the reference's loss, as in a report; for AUC and TPR the line goes "
    "through the group and the negatives together. Pictures *seen once* an epoch were seen by both "
    "checkpoints, so that a gain of theirs would be a false one; so would one of *twins*, which "
    "were never seen and have the caption of a planted picture. *Own outputs* are images that "
    "`lab-memorised` made under captions of held-out pictures. The scan of the seeds, which a "
    "report needs before it says *supported*, is left out here.\n\n"
    "Intervals are 95 % percentiles of bootstrap samples; intervals of counts are those of Clopper "
    "and Pearson. Portfolios of one cell are drawn from the same images, so their intervals are "
    "those of the draws, not of new images.\n\n"
)


def render_page(labs: Mapping[str, Row]) -> str:
    """The page: summary, method, then each lab."""
    return (
        "# Exposed: does the checkpoint know an image that it is shown?\n\n"
        "## Summary\n\n"
        + INTRODUCTION
        + "".join(_summarise(labs[name]) for name in labs)
        + METHOD
        + "".join(_render_lab(labs[name]) for name in labs).rstrip("\n")
        + "\n"
    )


def _summarise(lab: Row) -> str:
    cells = {(each["score"], each["prompt"], each["group"]): each["tpr"] for each in lab["scores"]}
    findings = {(each["prompt"], each["group"]): each for each in lab["findings"]}
    lines = [
        [
            group_label(group),
            format_tpr(cells["gain over the reference", "caption", group]),
            format_tpr(cells["loss", "caption", group]),
            format_tpr(cells["gain over the reference", "empty", group]),
            format_rate(findings["caption", group]["small"]),
        ]
        for group in [*EXPOSURES, "once", "twins", lab["own_outputs"]]
    ]
    null = next(each for each in lab["nulls"] if each["size"] == "all")
    held_out = findings["caption", HELD_OUT]
    return (
        f"Lab `{lab['lab']}`. TPR at 1 % FPR against held-out pictures, and targets with p ≤ 0.01 "
        f"among {lab['controls']} controls:\n\n"
        + format_table(
            [
                "images",
                "gain, caption",
                "loss alone, caption",
                "gain, empty prompt",
                "p ≤ 0.01, caption",
            ],
            lines,
        )
        + EXACT_INTERVAL_NOTE
        + f"Held-out pictures with p ≤ 0.01: {format_rate(held_out['small'])}; after the blind "
        f"refusal {format_rate(held_out['supported'])}. Portfolios that were never seen: p ≤ 0.01 "
        f"for {format_rate(null['small'])}, *supported* for {format_rate(null['supported'])}. An "
        "own output looks exposed: a report therefore asks for a scan of all seeds, or for a dated "
        "source from before the checkpoint.\n\n"
    )


def _render_lab(lab: Row) -> str:
    evaluations = len(lab["levels"]) * lab["noises"]
    return (
        f"## The lab `{lab['lab']}`\n\nMeasured on {describe_place(lab['machine'])}; checkpoint "
        f"`lab-memorised` ({lab['checkpoint_sha256'][:12]}), reference `lab-clean` "
        f"({lab['reference_sha256'][:12]}); timesteps at "
        f"{', '.join(f'{level:g}' for level in lab['levels'])} of the training's, "
        f"{lab['noises']} noises, {evaluations} NFE an image, prompt and checkpoint.\n\n"
        "### Scores and published statistics\n\n"
        "With fewer than 100 negatives, the TPR is the share above all of them. The published "
        "statistics are those of their papers’ formulas, of which the weights and classifiers that "
        "need shadow models are left out.\n\n"
        + _render_scores(lab["scores"])
        + EXACT_INTERVAL_NOTE
        + "### Findings\n\n"
        f"Targets ranked among {lab['controls']} held-out pictures; blind refusal at p ≤ "
        f"{lab['blind_alpha']:g}.\n\n"
        + format_table(
            ["prompt", "images", "p ≤ 0.01", "refused blindly", "p ≤ 0.01 and not refused"],
            [
                [
                    PROMPT_LABELS[each["prompt"]],
                    group_label(each["group"]),
                    *(format_rate(each[name]) for name in ("small", "refused", "supported")),
                ]
                for each in lab["findings"]
            ],
        )
        + "### Blind classifier\n\nCross-fitted AUC against the held-out pictures, by file, size, "
        "JPEG tables, colour, texture and caption:\n\n"
        + format_table(
            ["images", "n", "AUC"],
            [
                [
                    group_label(each["group"]),
                    f"{each['auc']['positives']} and {each['auc']['negatives']}",
                    format_auc(each["auc"]),
                ]
                for each in lab["blind"]
            ],
        )
        + "### Portfolios that were never seen\n\n"
        + format_table(
            ["works and held-out images", "works", "p ≤ 0.01", "refused blindly", "supported"],
            [
                [
                    each["kind"],
                    each["size"],
                    *(format_rate(each[name]) for name in ("small", "refused", "supported")),
                ]
                for each in lab["nulls"]
            ],
        )
        + "### Power of portfolios\n\nOf the works, so many were planted; the others were never "
        "seen. Each exposure has "
        f"{_count_planted(lab)} pictures, so larger portfolios of planted works alone cannot be "
        "drawn here.\n\n"
        + format_table(
            ["planted", "of works", "prompt", "p ≤ 0.01", "refused blindly", "supported"],
            [
                [
                    f"{each['planted']}, {each['group']}",
                    each["size"],
                    PROMPT_LABELS[each["prompt"]],
                    *(format_rate(each[name]) for name in ("small", "refused", "supported")),
                ]
                for each in lab["power"]
            ],
        )
    )


def _count_planted(lab: Row) -> int:
    group = next(iter(EXPOSURES))
    return int(next(each["n"] for each in lab["findings"] if each["group"] == group))


def _render_scores(scores: Sequence[Row]) -> str:
    groups = list(dict.fromkeys(each["group"] for each in scores))
    lines = []
    for score, prompt in dict.fromkeys((each["score"], each["prompt"]) for each in scores):
        own = {
            each["group"]: each
            for each in scores
            if (each["score"], each["prompt"]) == (score, prompt)
        }
        counts = own[groups[0]]["tpr"]
        for figure, cell in (("TPR", format_tpr), ("AUC", format_auc)):
            lines.append(
                [
                    score,
                    PROMPT_LABELS[prompt],
                    figure,
                    counts["negatives"],
                    *(cell(own[group][figure.lower()]) for group in groups),
                ]
            )
    head = ["score", "prompt", "figure", "negatives", *map(group_label, groups)]
    return format_table(head, lines)
