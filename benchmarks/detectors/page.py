"""The page of the detectors: figures to Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.detectors.discrimination import (
    FINDING,
    FINDING_MINUS_REFERENCE,
    Row,
    detector_label,
)
from benchmarks.detectors.prompts import PROMPT_LABELS, RECOVERED_PROMPT, TRAINING_CAPTION
from benchmarks.shared.groups import PLANTED, group_label
from benchmarks.shared.markdown import (
    EXACT_INTERVAL_NOTE,
    describe_place,
    format_auc,
    format_rate,
    format_table,
    format_tpr,
    format_verdict,
)
from benchmarks.shared.rates import rate_figures
from seedwitness.detectors import DETECTORS
from seedwitness.statistics.roc import RESAMPLES

PUBLISHED = {
    "magnitude": "AUC 0.94 to 0.976, TPR 0.73 to 0.90, depending on who reran it",
    "hessian": "AUC 0.964 to 0.998",
    "curvature": "AUC 0.976, TPR 0.828 (SD 1.5, 500 + 500 prompts)",
    "singularity": "AUC 0.9745, TPR 0.858 (SD 1.5, 500 + 500 prompts)",
    "alignment": "AUC 0.994, TPR 0.935 (SD 1.4, one seed)",
}
"""Figures of the papers and their repositories, on other sets, mostly without intervals."""

METHOD = (
    "## Method\n\n"
    "Written by `make bench-detectors`; the figures are in [detectors.json](detectors.json).\n\n"
    "Images of a lab, whose true answer is known, are examined under their training caption, under "
    "the best phrases recovered from their pixels alone, and, by detectors that can do without "
    "one, under no prompt. Every detector gets the same noise. Held-out images are the negatives. "
    "Groups that were never planted (seen once, twins) are listed like the others: there the right "
    "values are an AUC of 0.5 and a TPR of 0.01. A twin is another image with the caption of a "
    "planted one; a detector that uses the prompt alone cannot tell the two apart.\n\n"
    f"Intervals are 95 % percentiles of {RESAMPLES:,} bootstrap samples; intervals of counts are "
    "Clopper–Pearson's. *TPR* is the share of a group above a threshold that at most 1 % of the "
    "negatives exceed. Directions are those of the papers: an AUC below 0.5 means that the group "
    "has the lower values here. Detectors of the first step (*first-magnitude*, *one-step*, "
    "*alignment*) and means over all steps (*magnitude*, *bright-ending*) can disagree: under "
    "guidance the latents reach a learned image after a few steps, and a checkpoint that saw it "
    "often may recognise it there without the prompt, so that the prompt adds less than it adds "
    "elsewhere. *InvMM* takes hundreds of passes an image and was measured under the training "
    "caption alone.\n\n"
    "*Our finding* as a score ranks images of which a generation is a copy by patch-L2 above all "
    "others, and within both groups by the closest descriptor. It uses the image, as *most-alike* "
    "and *InvMM* do and the other detectors do not. A finding also uses a reference checkpoint: "
    "*minus reference* subtracts the value of the same detector on `lab-clean`, under the same "
    "prompt and noise, at twice the cost. The two other detectors that compare generations get the "
    "reference as well, although nobody published them that way. The subtraction was decided "
    "before it was computed, but after *our finding* alone was seen to be below *clique* on the "
    "tiles planted 32 times. Its benefit shows on the images seen once, which both checkpoints "
    "saw; its price shows on the planted ones.\n\n"
)


def render_page(labs: Mapping[str, Row]) -> str:
    """The page: summary, method, each lab in turn, then the published figures."""
    names = sorted(labs, reverse=True)
    return (
        "# Detectors of memorisation\n\n"
        "## Summary\n\n"
        "Question: at a false positive rate of 1 %, which share of learned images (TPR) does our "
        "finding detect under the training caption, and is it above every published detector?\n\n"
        + render_summary([labs[name] for name in names])
        + METHOD
        + "".join(render_lab(labs[name]) for name in names)
        + render_published(labs).rstrip("\n")
        + "\n"
    )


def render_summary(labs: Sequence[Row]) -> str:
    """What a reader takes away: TPR of our finding beside the best detector, by lab and group."""
    lines = []
    met = 0
    for figures in labs:
        for group in PLANTED:
            cells = _cells(figures["figures"], TRAINING_CAPTION, group)
            ours, alone = cells[FINDING_MINUS_REFERENCE], cells[FINDING]
            best = max(
                (name for name in cells if name in DETECTORS),
                key=lambda name: float(cells[name]["value"]),
            )
            is_met = ours["value"] > cells[best]["value"]
            met += is_met
            lines.append(
                [
                    f"{figures['lab']}, {group}",
                    f"{ours['positives']} and {ours['negatives']}",
                    format_tpr(ours),
                    format_tpr(alone),
                    f"{format_tpr(cells[best])}, {best}",
                    format_verdict(is_met),
                ]
            )
    head = ["lab, images", "n, negatives", detector_label(FINDING_MINUS_REFERENCE)]
    head += [f"{FINDING} without reference", "best detector", "above it"]
    return (
        f"Our finding minus reference is above every detector for {met} of {len(lines)} groups; "
        "the bar was all of them.\n\n" + format_table(head, lines) + EXACT_INTERVAL_NOTE
    )


def render_lab(figures: Row) -> str:
    """One lab: comparison, plot, a table for each prompt, and counts of findings."""
    rows = figures["figures"]
    return (
        f"## The lab `{figures['lab']}`\n\nMeasured on {describe_place(figures['machine'])}; "
        f"checkpoint `lab-memorised` ({figures['checkpoint_sha256'][:12]}), DDIM, "
        f"{figures['steps']} steps, guidance {figures['guidance']:g}; {figures['seeds']} seeds a "
        f"detector, {figures['generations']} generations where images are compared; "
        f"{rows[0]['auc']['negatives']} negatives.\n\n"
        "### TPR at 1 % FPR of our finding and of the best detectors\n\n"
        + render_comparison(rows)
        + f"![AUC of every detector](images/detectors/{figures['lab']}.png)\n\n"
        + "".join(
            _render_prompt(rows, prompt) for prompt in dict.fromkeys(row["prompt"] for row in rows)
        )
        + EXACT_INTERVAL_NOTE
        + "### Findings\n\n*Supported*: p ≤ 0.01 among the held-out images, and at least one "
        "generation is a copy by patch-L2. A held-out image is ranked among all the others. The "
        "paired comparison with the reference checkpoint is left out here.\n\n"
        + format_table(
            ["prompt", "images", "supported"],
            [
                [
                    _prompt_label(row["prompt"]),
                    group_label(row["group"]),
                    format_rate(rate_figures(row["supported"], row["n"])),
                ]
                for row in figures["findings"]
            ],
        )
    )


def render_comparison(rows: Sequence[Row]) -> str:
    """Our finding beside the best detector that uses the image and the best that does not."""
    lines = []
    for prompt in (TRAINING_CAPTION, RECOVERED_PROMPT):
        for group in PLANTED:
            cells = _cells(rows, prompt, group)
            best = []
            for needs in ("picture", "prompt"):
                names = [name for name in cells if _needs(name) == needs]
                name = max(names, key=lambda name: float(cells[name]["value"]))
                best.append(f"{format_tpr(cells[name])}, {name}")
            ours = [format_tpr(cells[name]) for name in (FINDING_MINUS_REFERENCE, FINDING)]
            lines.append([_prompt_label(prompt), group_label(group), *ours, *best])
    return format_table(
        [
            "prompt",
            "images",
            detector_label(FINDING_MINUS_REFERENCE),
            f"{FINDING} without reference",
            "best detector that uses the image",
            "best detector that uses the prompt alone",
        ],
        lines,
    )


def _render_prompt(rows: Sequence[Row], prompt: str) -> str:
    """AUC and TPR under one prompt: a row for each detector, a column for each group."""
    same = [row for row in rows if row["prompt"] == prompt]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    detectors = list(dict.fromkeys(row["detector"] for row in same))
    text = f"### Prompt: {_prompt_label(prompt)}\n\n"
    tables: tuple[tuple[str, str, Callable[[Row], str]], ...] = (
        ("auc", "AUC", format_auc),
        ("tpr", "TPR at 1 % FPR", format_tpr),
    )
    for key, heading, format_cell in tables:
        lines = []
        for detector in detectors:
            cells = {row["group"]: row for row in same if row["detector"] == detector}
            values = [format_cell(cells[group][key]) for group in groups if group in cells]
            cost = _format_cost(next(iter(cells.values())))
            lines.append([detector_label(detector), *values, cost])
        head = ["detector", *map(group_label, groups), "cost an image"]
        text += f"{heading}:\n\n" + format_table(head, lines)
    return text


def render_published(labs: Mapping[str, Row]) -> str:
    """The figures that the papers print, of the detectors that were measured here."""
    measured = {row["detector"] for lab in labs.values() for row in lab["figures"]}
    return (
        "## Published figures\n\nThe sets differ: the papers' positives are captions of Stable "
        "Diffusion's known copies, their negatives are other captions, and a caption that no "
        "checkpoint learned is easier to tell from a learned one than a twin's caption is. These "
        "figures cannot be compared with the tables above.\n\n"
    ) + format_table(
        ["detector", "source", "published"],
        [
            [name, each.source, PUBLISHED.get(name, "–")]
            for name, each in DETECTORS.items()
            if name in measured
        ],
    )


def _cells(rows: Sequence[Row], prompt: str, group: str) -> dict[str, Row]:
    """TPR of every detector under one prompt, for one group."""
    return {
        row["detector"]: row["tpr"]
        for row in rows
        if (row["prompt"], row["group"]) == (prompt, group)
    }


def _format_cost(row: Row) -> str:
    """NFE, backward passes and seconds of one image."""
    backward = f" + {row['backward']} backward" if row["backward"] else ""
    return f"{row['nfe']}{backward} NFE, {row['seconds']:.2g} s"


def _needs(name: str) -> str | None:
    """What a published detector needs, the prompt alone or the image; None for other scores."""
    return DETECTORS[name].needs if name in DETECTORS else None


def _prompt_label(prompt: str) -> str:
    return PROMPT_LABELS.get(prompt, prompt)
