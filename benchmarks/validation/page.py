"""The page of the validation: figures to Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from benchmarks.detectors.discrimination import detector_label
from benchmarks.shared.budgets import STEPS_BY_BUDGET
from benchmarks.shared.groups import HELD_OUT, MEMORISED, NOT_PLANTED, PLANTED, group_label
from benchmarks.shared.markdown import (
    EXACT_INTERVAL_NOTE,
    describe_place,
    format_list,
    format_rate,
    format_table,
    format_tpr,
)
from benchmarks.shared.measurement import ROOT
from benchmarks.shared.prompt_sources import DESCRIPTIONS, LABELS, STATED
from benchmarks.validation.bars import (
    MIN_SUPPORTED,
    Row,
    compare_with_detectors,
    prompt_sources,
    rates_of,
    render_bars,
)
from seedwitness.verdict.conclusion import RULE

DETECTOR_FIGURES = ROOT / "docs" / "detectors.json"

METHOD = (
    "## Method\n\n"
    "Written by `make bench-validation`; the figures are in [validation.json](validation.json), "
    "and every single finding is in [validation/](validation), a table for each lab and budget.\n\n"
    "Images whose true answer is known are written under names that tell nothing. The project's "
    "own code judges them in a process that reads a folder of questions, a folder of controls and "
    "the corpus, and never the truth. Settings are those of `params.yaml`, except the budget and "
    "its steps. None was fitted to these images, but three choices were made after looking at a "
    "few of them: the order in which prompts take seeds, at 1 image of the drawn lab (decision "
    "14); the interval of the paired comparison, at 1 (decision 16); how `halving`, which is not "
    "used here, samples its lower stages, at 24 of the drawn lab and 24 of the tiles (decision "
    "15). Held-out images are split by the hash of their names: the first are the controls, the "
    "others are judged. Every image is examined with prompts of up to three sources:\n\n"
    + format_list(f"*{LABELS[source]}*: {text}" for source, text in DESCRIPTIONS.items())
    + "Each is judged on `lab-memorised`, with `lab-clean` as the reference, and on `lab-clean` "
    f"itself by the same recipes. Controls always get the prompts of *{LABELS[STATED]}* images: "
    "what the corpus says of them first, then their own caption. Bars apply to the measured rate; "
    "the interval beside it shows its precision. Intervals are at 95 %: Clopper–Pearson's for "
    "rates, the bootstrap's for TPR and AUC.\n\n"
    f"Budgets are {', '.join(f'{budget:,}' for budget in STEPS_BY_BUDGET)} NFE a case: the "
    "demonstration's; four times as many and twice the steps, as a lab is measured with; and three "
    "times as many again, near the 2,000 that were allowed, with captions stated only. Each larger "
    "budget was added after the one before had missed a bar on the drawn lab; no threshold was "
    "changed. The sections below say which budgets were judged for which lab.\n\n"
    "*Twins* were never seen but have the caption of a planted image. Images *seen once* were seen "
    "by both checkpoints in every epoch. Neither need be exchangeable with the controls, so p may "
    "be too low for them. They test whether the finding as a whole holds.\n\n"
    "Detectors are those of [detectors.md](detectors.md). *In this search* compares our finding "
    "with them by the seeds of the search, and with all held-out images that are judged here as "
    "negatives.\n\n"
)

P_VALUES = (
    "### Distribution of p-values\n\n"
    "Images are exchangeable with the controls if nothing but chance tells them from the controls, "
    "as for held-out images. Then the probability of p ≤ x is at most x. *Caption stated* images "
    "and controls get prompts in the same way, so their statistics should have one distribution "
    "(of two such tests at 0.05, one fails on a tenth of pages with nothing wrong). *Corpus and "
    "pixels* and *pixels only* do not use an image's own caption, which controls have. All images "
    "share one set of controls, so their p-values depend on each other: with 100 controls the "
    "share of p ≤ 0.01 is right on average over such sets of controls, and deviates in a single "
    "set by more than an interval for that many images says.\n\n"
)

PDQ_CRITERION = (
    "### Supported findings with PDQ as the copy criterion\n\n"
    "What would be *supported* if a copy were a trial whose PDQ hash differs from the target's in "
    "at most 31 of 256 bits, instead of a copy by patch-L2. This was added after the findings of "
    "the drawn lab had been seen; the settings stay as they were.\n\n"
)

SCORES = (
    "### TPR by score\n\n"
    "TPR at 1 % FPR with held-out images as negatives: for our finding as a score (images with a "
    "copy above all others, then by the statistic), for the same minus the reference's score by "
    "the same recipes, and for the closest trial by single metrics.\n\n"
)

LIKELIHOOD = (
    "### Likelihood ratios\n\n"
    "H1: the checkpoint saw the image as often as those planted 32 and 128 times. H2: it never saw "
    "it (held out). The statistic is calibrated by logistic regression, as in a report: on the "
    "controls and on images that are known to be learned, here one half of the planted ones, by "
    "hash, both with the caption stated. The calibration judges the other half and the held-out "
    "images. Cllr is 0 for perfect ratios and 1 for ratios without information. In a report H1 "
    "also says that the words that belong to the target were tried; *pixels only*, where measured, "
    "shows what a ratio is worth where they were not.\n\n"
)

OLDER_RULE = (
    "The figures of this page were measured by the rule before "
    "[decision 28](decisions/0028-gain-as-a-rank.md), with an interval of the paired difference in "
    "place of the rank of the gain, and copies that did not have to beat the controls.\n\n"
)

LIMITS = (
    "## Limits\n\n"
    "These are small checkpoints that were trained here for this purpose. On others the rates may "
    "differ, and the error rate of a report is that of its own controls. The images of a lab are "
    "of one kind, so target and controls are alike by design; with other controls, whoever chose "
    "them has to say why they are exchangeable.\n"
)


def render_page(figures: Mapping[str, Row]) -> str:
    """The page: summary, method, each lab and budget, limits."""
    detectors = json.loads(DETECTOR_FIGURES.read_text("utf-8")) if DETECTOR_FIGURES.exists() else {}
    labs = dict(sorted(figures.items(), key=lambda part: _order(part[1])))
    return (
        "# Validation: error rates of findings\n\n"
        "## Summary\n\n"
        "Question: of images whose true answer is known, how many findings are *supported* where "
        "the checkpoint learned the image, and how many where it did not?\n\n"
        + ("" if all(lab.get("rule") == RULE for lab in labs.values()) else OLDER_RULE)
        + format_list(summarise(list(labs.values()), detectors))
        + format_table(
            [
                "lab, NFE a case",
                *(f"{group}, {LABELS[STATED]}: supported" for group in PLANTED),
                f"{HELD_OUT}, {LABELS[STATED]}: supported",
                "held out, twins and seen once, all prompt sources: supported",
            ],
            [summary_row(lab) for lab in labs.values()],
        )
        + METHOD
        + "".join(render_lab(part, lab, detectors) for part, lab in labs.items())
        + LIMITS
    )


def summarise(labs: list[Row], detectors: Row) -> Iterator[str]:
    """The sentences that a reader takes away: false alarms, and bars on planted images."""
    false_alarms = [_not_planted(lab) for lab in labs]
    hits, n, excluded = (sum(counts) for counts in zip(*false_alarms, strict=True))
    yield (
        f"False alarms: {hits} of {n:,} findings on images that were not planted are supported "
        f"(all labs, budgets and prompt sources; {excluded} more were excluded). An image counts "
        "once for each budget and prompt source, so these findings are not independent; the table "
        "gives intervals for one source."
    )
    for group, bar in MIN_SUPPORTED.items():
        met = [
            f"{lab['lab']} at {lab['search']['budget_nfe']:,} NFE"
            for lab in labs
            for supported in [rates_of(lab, STATED, MEMORISED, group)["supported"]]
            if supported["hits"] >= bar * supported["n"]
        ]
        yield (
            f"The bar for images {group}, ≥ {100 * bar:.0f} % supported with the caption stated, "
            f"is met in {len(met)} of {len(labs)} runs{': ' if met else ''}{', '.join(met)}."
        )
    verdicts = [row[-1] for lab in labs for row in compare_with_detectors(lab, detectors)]
    yield (
        f"Images {PLANTED[2]} have no bar. Our finding minus reference has the bar to be above "
        f"every detector in TPR; it is met in {verdicts.count('yes')} of {len(verdicts)} "
        "comparisons."
    )


def summary_row(lab: Row) -> list[str]:
    """The most important rates of one lab under one budget."""
    rates = [
        format_rate(rates_of(lab, STATED, MEMORISED, group)["supported"])
        for group in (*PLANTED, HELD_OUT)
    ]
    hits, n, excluded = _not_planted(lab)
    name = f"{lab['lab']}, {lab['search']['budget_nfe']:,}"
    return [name, *rates, f"{hits} of {n:,}; {excluded} excluded"]


def render_lab(part: str, lab: Row, detectors: Row) -> str:
    """Tables and plots of one lab under one budget."""
    search = lab["search"]
    images = f"images/validation/{part}"
    return (
        f"## The lab `{lab['lab']}`, {search['budget_nfe']:,} NFE a case\n\n"
        f"Strategy {search['strategy']['name']}, {search['steps']} steps of {search['sampler']}, "
        f"guidance {search['guidance']:g}, {search['prompts']} prompts, budget "
        f"{search['budget_nfe']:,} NFE; α = {lab['judge']['alpha']:g}; "
        f"{len(lab['controls'][MEMORISED])} controls. Measured on "
        f"{describe_place(lab['machine'])}.\n\n"
        + format_table(["what", "bar", "measured", "met"], render_bars(lab, detectors))
        + f"![Supported findings by group]({images}-findings.png)\n\n"
        + P_VALUES
        + f"![Distribution of p-values on lab-memorised]({images}-p.png)\n\n"
        + format_table(
            ["checkpoint", "prompt source", "images", "p ≤ 0.01", "p ≤ 0.05", "KS p"],
            [_p_value_row(row) for row in lab["exchangeable"]],
        )
        + PDQ_CRITERION
        + format_table(
            ["images", *(LABELS[source] for source in prompt_sources(lab))],
            [
                [
                    group_label(group),
                    *(
                        format_rate(rates_of(lab, source, MEMORISED, group)["by_pdq"])
                        for source in prompt_sources(lab)
                    ),
                ]
                for group in (*PLANTED, *NOT_PLANTED)
            ],
        )
        + SCORES
        + "".join(_render_scores(lab, source) for source in prompt_sources(lab))
        + EXACT_INTERVAL_NOTE
        + LIKELIHOOD
        + format_table(
            ["prompt source", "Cllr", "H1 true, ratio below 1", "H2 true, ratio above 1"],
            [
                [
                    LABELS[row["way"]],
                    f"{row['cllr']:.3f}",
                    format_rate(row["misleading_h1"]),
                    format_rate(row["misleading_h2"]),
                ]
                for row in lab["likelihood"]
            ],
        )
        + f"![Tippett plot]({images}-tippett.png)\n\n"
    )


def _render_scores(lab: Row, source: str) -> str:
    """TPR of every score with the prompts of one source: a column for each group."""
    rows = [row for row in lab["told_apart"] if row["way"] == source]
    groups = list(dict.fromkeys(row["group"] for row in lab["told_apart"]))
    return f"Prompt source: {LABELS[source]}.\n\n" + format_table(
        ["score", *map(group_label, groups)],
        [
            [detector_label(score), *(format_tpr(row["tpr"]) for row in rows if row["by"] == score)]
            for score in dict.fromkeys(row["by"] for row in rows)
        ],
    )


def _p_value_row(row: Row) -> list[str]:
    counts = (sum(p <= limit for p in row["p_values"]) for limit in (0.01, 0.05))
    return [
        row["checkpoint"],
        LABELS[row["way"]],
        group_label(row["group"]),
        *(f"{count} of {row['n']}" for count in counts),
        f"{row['p']:.2g}",
    ]


def _not_planted(lab: Row) -> tuple[int, int, int]:
    """Supported, judged and excluded findings on images that were not planted."""
    rates = [
        rates_of(lab, source, MEMORISED, group)
        for source in prompt_sources(lab)
        for group in NOT_PLANTED
    ]
    hits, n = (sum(row["supported"][key] for row in rates) for key in ("hits", "n"))
    excluded = sum(row["refused"]["hits"] for row in rates)
    return hits, n - excluded, excluded


def _order(lab: Row) -> tuple[bool, int]:
    """The drawn lab first, smaller budgets first."""
    return lab["lab"] != "lab", lab["search"]["budget_nfe"]
