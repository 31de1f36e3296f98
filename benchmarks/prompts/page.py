"""The page about prompt recovery, from its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.prompts.measurement import (
    ARMS,
    ATTRIBUTES,
    EVALUATION_SEEDS,
    GROUPS,
    METHODS,
    RECOVERY_NFE,
    SEARCH_NFE,
)
from benchmarks.shared.groups import HELD_OUT
from benchmarks.shared.markdown import (
    describe_place,
    format_list,
    format_rate,
    format_table,
    format_tpr,
    format_verdict,
)
from benchmarks.shared.rates import rate_figures
from seedwitness.statistics.ranks import rank_among_controls
from seedwitness.statistics.roc import estimate_by_bootstrap, tpr_at

Figures = Mapping[str, Any]
CAPTION, CLIP_ALONE, RECOVERED = ARMS
MIN_SHARE, MAX_RATIO, MAX_FALSE = 0.8, 4.0, 0.01

METHOD_NAMES = {
    "training caption": "training caption (not recovered)",
    "recovered by CLIP": "`phrases`: CLIP alone",
    "pez": "`pez`: 16 tokens by gradient on CLIP",
    "ph2p": "`ph2p`: 15 tokens by gradient on the denoising loss",
    "evolve by regeneration": "`evolve`, scored by short regenerations",
    "evolve": "`evolve`, scored by the denoising loss",
}

TEMPLATE = Path(__file__).with_name("prompts.md")
BARS, LABS = "<!-- bars -->\n", "<!-- labs -->\n"


def render_page(figures: Mapping[str, Figures]) -> str:
    """The page, with the figures of every lab."""
    bars, sections = "", ""
    for name, lab in figures.items():
        bars += format_table(("what", "bar", "measured", "met"), _list_bars(lab))
        sections += f"## The lab `{name}`\n\n{_describe(lab)}"
        sections += "### Rates by prompts\n\n" + _format_rates(lab)
        sections += "### Methods\n\n" + _format_methods(lab)
        sections += "### What comes back of a caption\n\n" + _format_attributes(lab)
        sections += "### Examples\n\n" + _format_examples(lab)
    text = TEMPLATE.read_text(encoding="utf-8").replace(BARS, bars).replace(LABS, sections)
    text = text.replace("RECOVERY_NFE", str(RECOVERY_NFE))
    return text.replace("SEARCH_NFE", str(SEARCH_NFE))


def _describe(lab: Figures) -> str:
    refinement = lab["refinement"]
    return (
        f"{len(lab['cases'][GROUPS[0]])} pictures planted 128 times, "
        f"{len(lab['cases'][GROUPS[1]])} planted 32 times and {len(lab['cases'][HELD_OUT])} held "
        f"out; {lab['phrases']:,} phrases; "
        f"{lab['search']['prompts']} prompts share a search of {lab['search']['steps']} steps of "
        f"{lab['search']['sampler']}; {refinement['levels']} noise levels a score, "
        f"{refinement['finalists']} finalists with {refinement['seeds']} seeds of "
        f"{refinement['steps']} steps. It took {lab['processor_seconds'] / 60:.0f} min of "
        f"processor time and {lab['seconds'] / 60:.0f} min by the clock. Measured on "
        f"{describe_place(lab['machine'])}.\n\n"
    )


def _list_bars(lab: Figures) -> list[tuple[str, str, str, str]]:
    rows = []
    for group in GROUPS[:2]:
        caption, recovered = (_estimate_tpr(lab, group, arm) for arm in (CAPTION, RECOVERED))
        share = recovered["value"] / caption["value"] if caption["value"] else 0.0
        rows.append(
            (
                f"{group}: TPR at 1 % FPR, recovered as a share of the training caption's",
                f"≥ {100 * MIN_SHARE:.0f} %",
                f"{100 * share:.0f} %: {format_tpr(recovered)} of {format_tpr(caption)}, "
                f"n = {caption['positives']} and {caption['negatives']}",
                format_verdict(share >= MIN_SHARE),
            )
        )
    ratio = max(_nfe_of(lab, RECOVERED)) / max(_nfe_of(lab, CAPTION))
    rows.append(
        (
            "NFE, recovered over training caption",
            f"≤ {MAX_RATIO:.0f}",
            f"{ratio:.2f} at most ({max(_nfe_of(lab, RECOVERED))} of {max(_nfe_of(lab, CAPTION))})",
            format_verdict(ratio <= MAX_RATIO),
        )
    )
    false = _count_false(lab, RECOVERED)
    rows.append(
        (
            "held out, recovered prompts: false findings",
            f"≤ {100 * MAX_FALSE:.0f} %",
            format_rate(false),
            format_verdict(false["hits"] <= MAX_FALSE * false["n"]),
        )
    )
    methods = lab["methods"]
    for other in ("pez", "ph2p"):
        closer = sum(a < b for a, b in zip(methods["evolve"], methods[other], strict=True))
        n = len(methods["evolve"])
        equal = "at equal NFE" if other == "ph2p" else "which needs no NFE"
        rows.append(
            (
                f"regeneration closer under `evolve` than under `{other}`, {equal}",
                "in the mean",
                f"latent distance {mean(methods['evolve']):.3f} and {mean(methods[other]):.3f}; "
                f"closer for {closer} of {n}",
                format_verdict(mean(methods["evolve"]) < mean(methods[other])),
            )
        )
    return rows


def _format_rates(lab: Figures) -> str:
    rows = []
    for group in GROUPS[:2]:
        for arm in ARMS:
            cases = [case["arms"][arm] for case in lab["cases"][group]]
            copied = rate_figures(sum(case["copies"] > 0 for case in cases), len(cases))
            rows.append(
                (
                    group,
                    arm,
                    format_tpr(_estimate_tpr(lab, group, arm)),
                    format_rate(copied),
                    f"{median(case['closest'] for case in cases):.3f}",
                    f"{max(case['nfe'] for case in cases):,}",
                )
            )
    for arm in ARMS:
        cases = [case["arms"][arm] for case in lab["cases"][HELD_OUT]]
        copied = rate_figures(sum(case["copies"] > 0 for case in cases), len(cases))
        rows.append(
            (
                HELD_OUT,
                arm,
                "–",
                format_rate(copied),
                f"{median(case['closest'] for case in cases):.3f}",
                f"{max(case['nfe'] for case in cases):,}",
            )
        )
    head = ("pictures", "prompts", "TPR at 1 % FPR", "with a copy", "descriptor, median", "NFE")
    return format_table(head, rows)


def _format_methods(lab: Figures) -> str:
    methods = lab["methods"]
    n = len(methods["evolve"])
    text = (
        f"The first {n} pictures planted 128 times. `ph2p` and both `evolve` have {RECOVERY_NFE} "
        "NFE each, a backward pass counting as one, the ranking of their finalists included; `pez` "
        "has the 3,000 steps of its paper, on CLIP. The distance is the mean RMS latent distance "
        f"of {EVALUATION_SEEDS} regenerations with the steps of a search under the best prompt of "
        "each; lower is closer. The first two of these seeds rank the finalists, so methods with "
        "finalists have a small advantage.\n\n"
    )
    by_clip = methods[METHODS[0]]
    rows = [
        (
            METHOD_NAMES[name],
            f"{mean(methods[name]):.3f}",
            f"{median(methods[name]):.3f}",
            f"{sum(a < b for a, b in zip(methods[name], by_clip, strict=True))} of {n}",
        )
        for name in ("training caption", *METHODS)
    ]
    return text + format_table(("prompt", "mean", "median", "closer than by CLIP alone"), rows)


def _format_attributes(lab: Figures) -> str:
    rows = []
    for label, groups in (("planted", GROUPS[:2]), (HELD_OUT, [HELD_OUT])):
        cases = [case for group in groups for case in lab["cases"][group]]
        for arm in (CLIP_ALONE, RECOVERED):
            hits = [
                format_rate(
                    rate_figures(sum(case["attributes"][arm][name] for case in cases), len(cases))
                )
                for name in ATTRIBUTES
            ]
            rows.append((label, arm, *hits))
    text = (
        "How often the first prompt names the value that the caption names, beside others that it "
        "may name too.\n\n"
    )
    return text + format_table(("pictures", "prompts", *ATTRIBUTES), rows)


def _format_examples(lab: Figures) -> str:
    lines = []
    for case in lab["cases"][GROUPS[0]][:5]:
        arm = case["arms"][RECOVERED]
        lines.append(
            f"“{case['caption']}” → “{arm['prompts'][0]}”: {arm['copies']} copies of 8, "
            f"{case['arms'][CAPTION]['copies']} under the caption"
        )
    return format_list(lines)


def _estimate_tpr(lab: Figures, group: str, arm: str) -> dict[str, Any]:
    positives, negatives = (_closest_of(lab, each, arm) for each in (group, HELD_OUT))
    found = estimate_by_bootstrap(tpr_at, positives, negatives)
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "positives": found.positives,
        "negatives": found.negatives,
    }


def _closest_of(lab: Figures, group: str, arm: str) -> list[float]:
    return [case["arms"][arm]["closest"] for case in lab["cases"][group]]


def _nfe_of(lab: Figures, arm: str) -> Sequence[int]:
    return [case["arms"][arm]["nfe"] for cases in lab["cases"].values() for case in cases]


def _count_false(lab: Figures, arm: str) -> dict[str, Any]:
    """Held-out pictures with a copy and p ≤ α among the others; the descriptor is a similarity."""
    closest = _closest_of(lab, HELD_OUT, arm)
    hits = 0
    for number, case in enumerate(lab["cases"][HELD_OUT]):
        others = [-score for place, score in enumerate(closest) if place != number]
        rank = rank_among_controls(-closest[number], others, lab["alpha"])
        hits += case["arms"][arm]["copies"] > 0 and rank.p <= lab["alpha"]
    return rate_figures(hits, len(closest))
