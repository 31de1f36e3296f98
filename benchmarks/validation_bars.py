"""What was asked of the findings, what was measured, and whether it was met."""

from __future__ import annotations

from typing import Any

from pages import share
from reckoned import FINDING
from told_apart import OURS

from seedwitness.detectors import DETECTORS
from seedwitness.statistics.rates import Rate

Row = dict[str, Any]
PLANTED = ("planted 128 times", "planted 32 times", "planted 8 times")
BARS = dict(zip(PLANTED[:2], (0.95, 0.80), strict=True))
MOST = 2000
"""NFE that a case may take."""
NEVER = ("held out", "once", "twins")
ALONE = "pixels alone"
WAYS = {
    "as found": "as a report would: the corpus and the pixels say what is tried",
    "stated": "with its caption stated by a user",
    ALONE: "by phrases of the corpus's captions that fit the pixels, nothing looked up",
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


def ways(lab: Row) -> list[str]:
    """In which of the ways pictures were asked about."""
    asked = {each["way"] for each in lab["rates"]}
    return [way for way in WAYS if way in asked]


def bars(lab: Row, others: Row) -> list[list[str]]:
    """What was asked of the findings, what was measured, and whether it was met."""
    rows = []
    for group in NEVER:
        for way in ways(lab):
            rates = rate_of(lab, way, "lab-memorised", group)
            found, refused = rates["supported"], rates["refused"]["hits"]
            met = found["hits"] <= 0.01 * (found["n"] - refused)
            said = of(found) + (f"; {refused} were refused" if refused else "")
            rows.append([f"{group}, {way}: supported", "≤ 1 %", said, verdict(met)])
    for group, least in BARS.items():
        for way in (each for each in ways(lab) if each != ALONE):
            rates = rate_of(lab, way, "lab-memorised", group)
            found = rates["supported"]
            met = found["hits"] >= least * found["n"]
            verdicts = verdict(met, missing(rates))
            rows.append(
                [f"{group}, {way}: supported", f"≥ {100 * least:.0f} %", of(found), verdicts]
            )
        if ALONE in ways(lab):
            rates = rate_of(lab, ALONE, "lab-memorised", group)
            said = f"{of(rates['supported'])}; {missing(rates)}"
            rows.append([f"{group}, {ALONE}: supported", "as it is", said, "–"])
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
    rows.append(
        ["NFE a case, at most", f"{MOST:,}", f"{lab['nfe']:,}", verdict(lab["nfe"] <= MOST)]
    )
    return rows + against(lab, others)


def below(ours: Row, alone: Row, best: Row, searched: Row | None) -> str:
    """Why our finding tells fewer apart than the best detector; ``searched``: the lab, by a search.

    As a score it puts pictures with a copy above all others: what it does not tell apart has none,
    and stands by its descriptor, or cannot pass at all where too many negatives have copies.
    """
    found = []
    lost = alone["tpr"]["value"] - ours["tpr"]["value"]
    if lost > 0:
        found.append(f"the reference's, taken off, costs {lost:.3f}")
    if alone["tpr"]["value"] < best["tpr"]["value"]:
        by_search = searched and crowded(rate_of(searched, "stated", "lab-memorised", "held out"))
        found.append(by_search or "of pictures without a copy the descriptor tells too few apart")
    return "; ".join(found)


def crowded(negatives: Row) -> str:
    """Where more than 1 % of negatives have a copy: that nothing without one can pass."""
    copied, both = negatives["copied"], negatives["both"]["hits"] or "none"
    if copied["hits"] <= 0.01 * copied["n"]:
        return ""
    return (
        f"{copied['hits']} of {copied['n']} held-out pictures have a copy ({both} of these with "
        "p ≤ α), so that a picture without one cannot pass"
    )


def against(lab: Row, others: Row) -> list[list[str]]:
    """Our finding beside the best single detector, on the pictures of the same lab.

    Detectors as docs/detectors.json has them, where that was measured; ours as it is there, by the
    same prompt, seeds and negatives, and by the search that is judged here.
    """
    measured = {each["checkpoint_sha256"]: each for each in others.values()}
    same = measured.get(lab["checkpoints"]["lab-memorised"])
    if same is None:
        return [["TPR at 1 % FPR", "above every detector", "detectors were not measured", "–"]]
    rows = []
    for group in PLANTED:
        bench = [
            each
            for each in same["figures"]
            if (each["group"], each["prompt"]) == (group, "training caption")
        ]
        best = max(
            (each for each in bench if each["detector"] in DETECTORS),
            key=lambda each: float(each["tpr"]["value"]),
        )
        here = [
            {**each, "detector": each["by"], "nfe": lab["nfe"] * (1 + (each["by"] == OURS))}
            for each in lab["told_apart"]
            if (each["way"], each["group"]) == ("stated", group)
        ]
        bar = f"above every detector ({best['detector']}: {share(best['tpr'])})"
        for how, figures in (("the bench of detectors", bench), ("this search, stated", here)):
            told = {each["detector"]: each for each in figures}
            ours, alone = told[OURS], told[FINDING]
            more = ours["tpr"]["value"] - best["tpr"]["value"]
            why = f"with more than {MOST:,} NFE" if more > 0 else "as high"
            if more < 0:
                why = below(ours, alone, best, lab if figures is here else None)
            rows.append(
                [
                    f"{group}: TPR at 1 % FPR by {how}, {OURS}",
                    bar,
                    f"{share(ours['tpr'])} with {ours['nfe']:,} NFE, those of the reference among "
                    f"them; without it {share(alone['tpr'])} with {alone['nfe']:,}",
                    verdict(more > 0 and ours["nfe"] <= MOST, why),
                ]
            )
    return rows
