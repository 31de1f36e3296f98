"""The page of a validation."""

from __future__ import annotations

from typing import Any

from pages import DAGGER, place, share, table
from told_apart import OURS

from seedwitness.detectors import DETECTORS
from seedwitness.evidence.rates import Rate

Row = dict[str, Any]
PLANTED = ("planted 128 times", "planted 32 times", "planted 8 times")
BARS = dict(zip(PLANTED[:2], (0.95, 0.80), strict=True))
NEVER = ("held out", "once", "twins")
WAYS = {
    "as found": "as a report would: the corpus and the pixels say what is tried",
    "stated": "with its caption stated by a user",
    "pixels alone": "by phrases of the corpus's captions that fit the pixels, nothing looked up",
}


def of(found: Row) -> str:
    """A rate with its interval and its n."""
    return str(Rate(**found))


def verdict(met: bool, why: str = "") -> str:
    """Whether a bar is cleared, and if not, why."""
    return "yes" if met else f"**no**{': ' if why else ''}{why}"


def missing(rates: Row) -> str:
    """What kept the findings of a group from being supported."""
    left = rates["supported"]["n"] - sum(
        rates[key]["hits"] for key in ("supported", "refused", "unseen", "no_copy")
    )
    counts = {
        "refused": rates["refused"]["hits"],
        "p above α": rates["unseen"]["hits"],
        "no copy": rates["no_copy"]["hits"],
        "as near on the reference": left,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def rate_of(lab: Row, way: str, checkpoint: str, group: str) -> Row:
    """The row of rates for one group."""
    wanted = (way, checkpoint, group)
    found: list[Row] = [
        each for each in lab["rates"] if (each["way"], each["checkpoint"], each["group"]) == wanted
    ]
    [only] = found
    return only


def bars(lab: Row, others: Row | None) -> list[list[str]]:
    """What was asked of the findings, what was measured, and whether it was met."""
    rows = []
    for group in NEVER:
        for way in WAYS:
            rates = rate_of(lab, way, "lab-memorised", group)
            found, refused = rates["supported"], rates["refused"]["hits"]
            met = found["hits"] <= 0.01 * (found["n"] - refused)
            said = of(found) + (f"; {refused} were refused" if refused else "")
            rows.append([f"{group}, {way}: supported", "≤ 1 %", said, verdict(met)])
    for group, least in BARS.items():
        for way in ("as found", "stated"):
            rates = rate_of(lab, way, "lab-memorised", group)
            found = rates["supported"]
            met = found["hits"] >= least * found["n"]
            verdicts = verdict(met, missing(rates))
            rows.append([f"{group}, {way}: supported", f"≥ {least:.0%}", of(found), verdicts])
        rates = rate_of(lab, "pixels alone", "lab-memorised", group)
        said = f"{of(rates['supported'])}; {missing(rates)}"
        rows.append([f"{group}, pixels alone: supported", "as it is", said, "–"])
    clean = [each for each in lab["rates"] if each["checkpoint"] == "lab-clean"]
    hits, n = (sum(each["supported"][key] for each in clean) for key in ("hits", "n"))
    rows.append(
        [
            "`lab-clean`, the same recipes: supported (by rule the reference never is)",
            "never",
            f"{hits} of {n}",
            verdict(not hits),
        ]
    )
    for seen, groups in ((False, "planted, twins, held out"), (True, "once, which it saw too")):
        own = [each["both"] for each in clean if (each["group"] == "once") == seen]
        hits, n = (sum(each[key] for each in own) for key in ("hits", "n"))
        rows.append(
            [
                f"`lab-clean`, {groups}, the same recipes: p ≤ α and a copy",
                "as it is" if seen else "never",
                f"{hits} of {n}",
                "–" if seen else verdict(not hits),
            ]
        )
    uniform = [
        each
        for each in lab["exchangeable"]
        if (each["way"], each["group"]) == ("stated", "held out")
    ]
    for each in uniform:
        rows.append(
            [
                f"`{each['checkpoint']}`, held out, stated: statistics spread as the controls'",
                "p > 0.05",
                f"p = {each['p']:.2f} (Kolmogorov and Smirnov, {each['n']} and {each['controls']})",
                verdict(each["p"] > 0.05),
            ]
        )
    rows.append(["NFE a case, at most", "2,000", f"{lab['nfe']:,}", verdict(lab["nfe"] <= 2000)])
    return rows + against(lab, others)


def against(lab: Row, others: Row | None) -> list[list[str]]:
    """Our finding beside the best single detector, on the same pictures of the same lab.

    Both as docs/detectors.md has them, where that was measured: same prompt, seeds and negatives.
    """
    measured = {
        each["checkpoint_sha256"]: each for each in (others or {"labs": {}})["labs"].values()
    }
    same = measured.get(lab["checkpoints"]["lab-memorised"])
    if same is None:
        return [["TPR at 1 % FPR", "above every detector", "detectors were not measured", "–"]]
    rows = []
    for group in PLANTED:
        own = [
            each
            for each in same["figures"]
            if (each["group"], each["prompt"]) == (group, "training caption")
        ]
        [ours] = [each for each in own if each["detector"] == OURS]
        best = max(
            (each for each in own if each["detector"] in DETECTORS),
            key=lambda each: float(each["tpr"]["value"]),
        )
        rows.append(
            [
                f"{group}: TPR at 1 % FPR, by the bench of detectors (ours with {ours['nfe']:,} "
                "NFE, those of the reference among them)",
                f"above every detector ({best['detector']}: {share(best['tpr'])})",
                share(ours["tpr"]),
                verdict(
                    ours["tpr"]["value"] > best["tpr"]["value"],
                    "as high" if ours["tpr"]["value"] == best["tpr"]["value"] else "",
                ),
            ]
        )
    return rows


def page(result: Row, others: Row | None) -> str:
    """The page: question, method, figures, limits."""
    where = result["machine"]
    parts = [
        "# Validation: how often findings are right\n\n"
        "Written by `make bench-validation`; the figures are in "
        "[validation.json](validation.json), with every single finding. Measured on "
        f"{place(where)}.\n\n"
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
        "Each lab is judged twice: by the demonstration's search, and by one of four times the "
        "budget and twice the steps, as a lab is measured with. The second was added after the "
        "first had been seen to miss its bars on the drawn lab; no threshold was changed.\n\n"
        "## In short\n\n",
        table(
            [
                "lab, NFE a case",
                *(f"{group}, stated: supported" for group in PLANTED),
                "held out, twins and seen once, in all ways: supported",
            ],
            [in_short(lab) for lab in result["labs"].values()],
        ),
    ]
    for name, lab in result["labs"].items():
        parts += lab_page(name, lab, others)
    parts.append(
        "## What this does not show\n\n"
        "These are small checkpoints, trained here on purpose; on others the rates may differ, and "
        "a report's own error rate is that of its own controls. A lab's pictures are of one kind, "
        "so that target and controls are alike by design: with other controls, whoever chose "
        "them has to say why they are exchangeable.\n"
    )
    return "".join(parts)


def in_short(lab: Row) -> list[str]:
    """The rates that matter most, of one lab under one budget."""
    planted = [rate_of(lab, "stated", "lab-memorised", group)["supported"] for group in PLANTED]
    never = [
        rate_of(lab, way, "lab-memorised", group)["supported"] for way in WAYS for group in NEVER
    ]
    hits, n = (sum(each[key] for each in never) for key in ("hits", "n"))
    about = f"{lab['lab']}, {lab['search']['budget_nfe']}"
    return [about, *(of(each) for each in planted), f"{hits} of {n}"]


def lab_page(name: str, lab: Row, others: Row | None) -> list[str]:
    """One lab's tables and plots."""
    search = lab["search"]
    parts = [
        f"## The lab `{lab['lab']}`, {search['budget_nfe']} NFE a case\n\n"
        f"Strategy {search['strategy']['name']}, {search['steps']} steps of {search['sampler']}, "
        f"guidance {search['guidance']:g}, {search['prompts']} prompts, budget "
        f"{search['budget_nfe']} NFE; α = {lab['judge']['alpha']:g}; "
        f"{len(lab['controls']['lab-memorised'])} controls.\n\n",
        table(["what", "bar", "measured", "met"], bars(lab, others)),
        f"![Findings by how often a picture was seen](images/validation/{name}-findings.png)\n\n",
        "### Are the p-values what they say?\n\n"
        "For pictures that were never learned the chance of p ≤ x should be at most x. *Stated* "
        "pictures and controls are asked in the very same way, so that their statistics should be "
        "spread alike (of two such tests at 0.05 one fails in a tenth of pages with nothing "
        "wrong); *as found* and *pixels alone* leave a picture's own caption out, which controls "
        "have. All pictures share one set of controls, so that their p-values hang together: with "
        "100 controls the share of p ≤ 0.01 is right on average over such sets, and strays in any "
        "one of them by more than an interval for that many pictures says.\n\n",
        f"![Distribution of p-values](images/validation/{name}-p.png)\n\n",
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
        "### By which score\n\n"
        "TPR at 1 % FPR, held-out pictures being the negatives, for our finding as a score (above "
        "all others where a trial is a copy, then by the statistic), the same less what the "
        "reference has by the same recipes, and for the closest trial by single metrics.\n\n",
    ]
    groups = list(dict.fromkeys(each["group"] for each in lab["told_apart"]))
    for way in WAYS:
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
        "by it. Cllr: 0 is perfect, 1 says nothing.\n\n",
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
