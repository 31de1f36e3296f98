"""The page of a validation."""

from __future__ import annotations

import json
from collections.abc import Mapping

from all import HERE
from asked import STEPS
from pages import DAGGER, place, share, table
from validation_bars import NEVER, PLANTED, WAYS, Row, bars, of, rate_of, ways

DETECTORS = HERE.parent / "docs" / "detectors.json"


def page(found: Mapping[str, Row]) -> str:
    """The page: question, method, figures, limits."""
    others = json.loads(DETECTORS.read_text("utf-8")) if DETECTORS.exists() else {}
    labs = dict(sorted(found.items(), key=lambda part: _order(part[1])))
    parts = [
        "# Validation: how often findings are right\n\n"
        "Written by `make bench-validation`; the figures are in "
        "[validation.json](validation.json), and every single finding, a table for each lab and "
        "budget, in [validation/](validation).\n\n"
        "## Method\n\n"
        "Pictures whose truth is known are laid out under names that say nothing and judged by the "
        "main job's own code, in a process that reads a folder of questions, one of controls and "
        "the corpus, and never the truth. Settings are the project's own, those of `params.yaml`, "
        "but for the budget and its steps. "
        "None was fitted to these pictures, but some choices were made after a look at a few of "
        "them: in which order prompts take seeds at one of the drawn lab (decision 14), which "
        "interval the comparison has at one (16), how `halving`, which is not used here, samples "
        "its lower rungs at 24 of it and 24 of the tiles (15). Held-out pictures are split by "
        "the hash of their names: the first are the controls, the others are judged. Every "
        "picture is asked about\n\n"
        + "".join(f"- *{way}*: {said};\n" for way, said in WAYS.items())
        + "\nand each is judged on `lab-memorised`, with `lab-clean` as the reference, and by the "
        "same recipes on `lab-clean` itself. Controls are asked in every way as *stated* pictures "
        "are: what the corpus says of them first, then their own captions. Bars are held against "
        "the rate that was measured, the interval beside it says how much that is worth. "
        "Intervals of rates are Clopper and Pearson's, of TPR and AUC the bootstrap's, "
        "at 95 %.\n\n"
        f"Budgets are {', '.join(f'{each:,}' for each in STEPS)} NFE a case: that of the "
        "demonstration; four times as many and twice the steps, as a lab is measured with; and "
        "three times as many again, near the 2,000 that were allowed, with captions stated alone. "
        "Each larger one was added after the one before had been seen to miss a bar on the drawn "
        "lab; no threshold was changed. What was judged stands below.\n\n"
        "*Twins* were never seen, but share the caption of a planted picture, and those *seen "
        "once* were seen by both checkpoints in every epoch: neither need be exchangeable with "
        "the controls, so that p may be too low for them. What they test is whether the finding "
        "as a whole holds.\n\n"
        "Detectors are those of [detectors.md](detectors.md). *By this search* our finding is held "
        "against them with its own seeds, and with all held-out pictures that are judged here as "
        "its negatives.\n\n"
        "## In short\n\n",
        table(
            [
                "lab, NFE a case",
                *(f"{group}, stated: supported" for group in PLANTED),
                "held out, twins and seen once, in all its ways: supported",
            ],
            [in_short(lab) for lab in labs.values()],
        ),
    ]
    for name, lab in labs.items():
        parts += lab_page(name, lab, others)
    parts.append(
        "## What this does not show\n\n"
        "These are small checkpoints, trained here on purpose; on others the rates may differ, and "
        "a report's own error rate is that of its own controls. A lab's pictures are of one kind, "
        "so that target and controls are alike by design: with other controls, whoever chose "
        "them has to say why they are exchangeable.\n"
    )
    return "".join(parts)


def _order(lab: Row) -> tuple[bool, int]:
    """The drawn lab first, and smaller budgets."""
    return lab["lab"] != "lab", lab["search"]["budget_nfe"]


def in_short(lab: Row) -> list[str]:
    """The rates that matter most, of one lab under one budget."""
    planted = [rate_of(lab, "stated", "lab-memorised", group)["supported"] for group in PLANTED]
    never = [rate_of(lab, way, "lab-memorised", group) for way in ways(lab) for group in NEVER]
    hits, n = (sum(each["supported"][key] for each in never) for key in ("hits", "n"))
    refused = sum(each["refused"]["hits"] for each in never)
    about = f"{lab['lab']}, {lab['search']['budget_nfe']}"
    told = f"{hits} of {n - refused:,}; {refused} were refused"
    return [about, *(of(each) for each in planted), told]


def lab_page(name: str, lab: Row, others: Row) -> list[str]:
    """One lab's tables and plots."""
    search = lab["search"]
    parts = [
        f"## The lab `{lab['lab']}`, {search['budget_nfe']} NFE a case\n\n"
        f"Strategy {search['strategy']['name']}, {search['steps']} steps of {search['sampler']}, "
        f"guidance {search['guidance']:g}, {search['prompts']} prompts, budget "
        f"{search['budget_nfe']} NFE; α = {lab['judge']['alpha']:g}; "
        f"{len(lab['controls']['lab-memorised'])} controls. Measured on {place(lab['machine'])}."
        "\n\n",
        table(["what", "bar", "measured", "met"], bars(lab, others)),
        f"![Findings by how often a picture was seen](images/validation/{name}-findings.png)\n\n",
        "### Are the p-values what they say?\n\n"
        "For pictures that are exchangeable with the controls, as those held out are, the chance "
        "of p ≤ x should be at most x. *Stated* "
        "pictures and controls are asked in the very same way, so that their statistics should be "
        "spread alike (of two such tests at 0.05 one fails in a tenth of pages with nothing "
        "wrong); *as found* and *pixels alone* leave a picture's own caption out, which controls "
        "have. All pictures share one set of controls, so that their p-values hang together: with "
        "100 controls the share of p ≤ 0.01 is right on average over such sets, and strays in any "
        "one of them by more than an interval for that many pictures says.\n\n",
        f"![Distribution of p-values on lab-memorised](images/validation/{name}-p.png)\n\n",
        table(
            ["checkpoint", "way", "pictures", "p ≤ 0.01", "p ≤ 0.05", "KS p"],
            [
                [
                    each["checkpoint"],
                    each["way"],
                    each["group"],
                    *(
                        f"{sum(p <= at for p in each['p_values'])} of {each['n']}"
                        for at in (0.01, 0.05)
                    ),
                    f"{each['p']:.2g}",
                ]
                for each in lab["exchangeable"]
            ],
        ),
        "### By another line for a copy\n\n"
        "What would be *supported*, were a copy a trial whose PDQ differs from the target's in at "
        "most 31 of 256 bits, and not one by patch-L2. This was added after the findings of the "
        "drawn lab had been seen, and the settings stay as they were.\n\n",
        table(
            ["pictures", *ways(lab)],
            [
                [
                    group,
                    *(of(rate_of(lab, way, "lab-memorised", group)["by_pdq"]) for way in ways(lab)),
                ]
                for group in (*PLANTED, *NEVER)
            ],
        ),
        "### By which score\n\n"
        "TPR at 1 % FPR, held-out pictures being the negatives, for our finding as a score (above "
        "all others where a trial is a copy, then by the statistic), the same less what the "
        "reference has by the same recipes, and for the closest trial by single metrics.\n\n",
    ]
    groups = list(dict.fromkeys(each["group"] for each in lab["told_apart"]))
    for way in ways(lab):
        own = [each for each in lab["told_apart"] if each["way"] == way]
        parts += [
            f"{way.capitalize()}:\n\n",
            table(
                ["score", *groups],
                [
                    [by, *(share(each["tpr"]) for each in own if each["by"] == by)]
                    for by in dict.fromkeys(each["by"] for each in own)
                ],
            ),
        ]
    parts += [
        DAGGER,
        "### Likelihood ratios\n\n"
        "H1: the checkpoint saw the picture as often as those planted 32 and 128 times; H2: it "
        "never saw it (held out). Logistic calibration of the statistic, as a report makes it: on "
        "the controls, and on pictures that are known to be learned, here the half of the planted "
        "ones by hash, both asked as stated. The other half and the held-out pictures are judged "
        "by it. Cllr: 0 is perfect, 1 says nothing. H1 in a report says besides that the words "
        "that belong to the target were tried; *pixels alone*, where that is asked, shows what a "
        "ratio is worth where they were not.\n\n",
        table(
            ["way", "Cllr", "H1 true, ratio below 1", "H2 true, ratio above 1"],
            [
                [
                    each["way"],
                    f"{each['cllr']:.3f}",
                    of(each["misleading_h1"]),
                    of(each["misleading_h2"]),
                ]
                for each in lab["likelihood"]
            ],
        ),
        f"![Tippett plot](images/validation/{name}-tippett.png)\n\n",
    ]
    return parts
