"""What the validation computes from findings: counts, bars, comparisons, another copy criterion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from benchmarks.detectors.discrimination import (
    FINDING,
    FINDING_MINUS_REFERENCE,
    MINUS_REFERENCE,
)
from benchmarks.shared.budgets import STEPS_BY_BUDGET
from benchmarks.shared.groups import NOT_PLANTED, PLANTED
from benchmarks.shared.markdown import format_verdict
from benchmarks.shared.prompt_sources import LABELS
from benchmarks.shared.rates import rate_figures
from benchmarks.validation.bars import (
    compare_with_detectors,
    explain_shortfall,
    list_obstacles,
    render_bars,
)
from benchmarks.validation.blind_judgement import conclude_by_pdq
from benchmarks.validation.error_rates import SCORES, count_findings, pair_with_reference
from cases import CASE, SETTINGS
from detector_rows import make_tprs

from seedwitness.config.params import load_params
from seedwitness.verdict.judgement import judge_cases


def test_a_picture_is_held_against_what_the_reference_has_of_it() -> None:
    common = {"way": "stated", "group": "once", "closest": {}}
    rows = [
        {
            **common,
            "picture": picture,
            "checkpoint": checkpoint,
            "statistic": value,
            "copies": copies,
        }
        for picture, checkpoint, value, copies in (
            ("owl", "lab-memorised", 0.9, 3),
            ("fox", "lab-memorised", 0.8, 0),
            ("fox", "lab-clean", 0.6, 0),
            ("owl", "lab-clean", 0.8, 1),
        )
    ]
    pairs = pair_with_reference(rows, "stated", "once")
    differences = [SCORES[FINDING_MINUS_REFERENCE](*pair) for pair in pairs]
    assert differences == pytest.approx([0.1, 0.2])
    assert [SCORES[FINDING](*pair) for pair in pairs] == pytest.approx([2.9, 0.8])


@pytest.mark.parametrize(
    ("bits", "reference_bits", "reference_p", "finding"),
    [
        (20, 120, 0.5, "supported"),
        (90, 120, 0.5, "inconclusive"),  # no copy
        (20, 20, 0.5, "inconclusive"),  # the reference copies as well
        (20, 120, 0.01, "inconclusive"),  # and the target is easy there too
    ],
)
def test_another_copy_criterion_changes_the_copies_alone(
    bits: int, reference_bits: int, reference_p: float, finding: str
) -> None:
    as_pdq = {"metric": "pdq", "lowest": 0.0, "highest": 256.0, "higher_is_closer": False}
    table = CASE.scores[CASE.scores["metric"] == "patch-l2"].assign(**as_pdq)
    both = {
        name: pd.concat([getattr(CASE, name), table.assign(score=float(score))])
        for name, score in (("scores", bits), ("reference_scores", reference_bits))
    }
    case = replace(CASE, **both)
    [judged] = judge_cases([case], SETTINGS)
    assert judged.memorised.finding == "supported"
    assert judged.memorised.gain is not None
    gain = judged.memorised.gain.model_copy(update={"reference_p": reference_p})
    memorised = judged.memorised.model_copy(update={"gain": gain})
    assert conclude_by_pdq(case, memorised, SETTINGS) == finding


def make_finding(finding: str, p: float, copies: int, *, refused: bool = False) -> dict[str, Any]:
    values = {"finding": finding, "p": p, "copies": copies, "refused": refused}
    return {**values, "by_pdq": "supported" if copies > 3 else "inconclusive"}


def test_every_finding_is_counted_once_by_its_obstacle() -> None:
    findings = [
        make_finding("supported", 0.01, 3),
        make_finding("inconclusive", 0.01, 3),  # as near on the reference
        make_finding("inconclusive", 0.01, 0),
        make_finding("inconclusive", 0.3, 2),
        make_finding("not supported", 0.3, 0),
        make_finding("inconclusive", 0.01, 4, refused=True),
    ]
    counts = count_findings(findings, 0.01)
    assert counts == {
        "supported": 1,
        "by_pdq": 1,
        "inconclusive": 4,
        "refused": 1,
        "unseen": 2,
        "no_copy": 1,
        "copied": 4,
        "significant": 4,
        "both": 3,
    }
    rates = {name: {"hits": hits, "n": 6} for name, hits in counts.items()}
    obstacles = list_obstacles(rates)
    assert obstacles == (
        "1 excluded, 2 with p above α, 1 without a copy, 1 as close on the reference"
    )
    assert format_verdict(False, obstacles).startswith("**no**: 1 excluded")
    assert (format_verdict(True, "whatever"), format_verdict(False)) == ("yes", "**no**")


def make_lab(changed: dict[tuple[str, str, str], dict[str, int]]) -> dict[str, Any]:
    """A lab in which every planted image is supported and nothing else, except what is changed."""
    rates = []
    for checkpoint in ("lab-memorised", "lab-clean"):
        for group in (*PLANTED, *NOT_PLANTED):
            for source in LABELS:
                n = 24 if group in PLANTED else 200
                learned = n if group in PLANTED and checkpoint == "lab-memorised" else 0
                hits = dict.fromkeys(("refused", "unseen", "no_copy"), 0)
                hits |= {"supported": learned, "both": learned}
                hits |= changed.get((checkpoint, group, source), {})
                key = {"checkpoint": checkpoint, "group": group, "way": source}
                rates.append(key | {name: rate_figures(k, n) for name, k in hits.items()})
    test = {"way": "stated", "group": "held out", "p": 0.5, "n": 200, "controls": 100}
    names = ("lab-memorised", "lab-clean")
    return {
        "rates": rates,
        "exchangeable": [{**test, "checkpoint": name} for name in names],
        "nfe": 160,
        "checkpoints": {name: name for name in names},
    }


def test_a_bar_is_held_against_what_was_measured() -> None:
    verdicts = {row[0]: row[-1] for row in render_bars(make_lab({}), {})}
    assert set(verdicts.values()) == {"yes", "–"}
    changed = {
        ("lab-memorised", "held out", "stated"): {"supported": 3},
        ("lab-memorised", "twins", "stated"): {"supported": 2},
        ("lab-memorised", "once", "stated"): {"supported": 2, "refused": 1},
        ("lab-memorised", "planted 128 times", "stated"): {"supported": 22, "no_copy": 2},
        ("lab-memorised", "planted 32 times", "as found"): {"supported": 20, "unseen": 4},
        ("lab-clean", "planted 8 times", "stated"): {"both": 1},
        ("lab-clean", "once", "stated"): {"both": 5},
    }
    verdicts = {row[0]: row[-1] for row in render_bars(make_lab(changed), {})}
    missed = {name: verdict for name, verdict in verdicts.items() if "no" in verdict}
    assert missed == {
        "held out, caption stated: supported": "**no**",
        "seen once, caption stated: supported": "**no**",  # the excluded one is not counted
        "planted 128 times, caption stated: supported": "**no**: 2 without a copy",
        "`lab-clean`, planted, twins, held out, same recipes: p ≤ α and a copy": "**no**",
    }


def test_what_was_not_measured_has_no_bar() -> None:
    lab = make_lab({})
    stated = {**lab, "rates": [row for row in lab["rates"] if row["way"] == "stated"]}
    names = [row[0] for row in render_bars(stated, {})]
    assert not any("corpus and pixels" in name or "pixels only" in name for name in names)
    assert {
        "held out, caption stated: supported",
        "planted 32 times, caption stated: supported",
    } <= set(names)


def test_our_finding_has_to_be_above_every_detector() -> None:
    """By the benchmark, and by the search that is judged, which has at most 2,000 NFE for it."""
    others = {"magnitude": (0.8, 0.8, 0.6), "hessian": (0.1, 0.1, 0.1)}
    ours = {FINDING_MINUS_REFERENCE: (0.9, 0.8, 0.5), FINDING: (1.0, 1.0, 1.0)}
    ours["clique" + MINUS_REFERENCE] = (1.0, 1.0, 1.0)
    measured = make_tprs(**ours, **others)
    searched = {FINDING_MINUS_REFERENCE: (0.8, 0.9, 0.9), FINDING: (1.0, 1.0, 1.0)}
    search = [
        {"way": "stated", "by": name, "group": row["group"], "tpr": row["tpr"]}
        for name, values in searched.items()
        for row in make_tprs(any=values)[::2]
    ]
    lab = {"checkpoints": {"lab-memorised": "f00"}, "told_apart": search, "nfe": 640}
    detectors = {"lab": {"checkpoint_sha256": "f00", "figures": measured}}
    rows = compare_with_detectors(lab, detectors)
    by_benchmark, by_search = (
        [row[-1] for row in rows if run in row[0]] for run in ("benchmark", "search")
    )
    equal = "**no**: equal to the best detector"
    costs = "subtracting the reference costs 0.500"
    assert by_benchmark == ["yes", equal, f"**no**: {costs}"]
    assert by_search == [equal, "yes", "yes"]
    assert all("magnitude" in row[1] for row in rows)
    costly = [
        row[-1]
        for row in compare_with_detectors(lab | {"nfe": 1920}, detectors)
        if "search" in row[0]
    ]
    assert costly[1:] == ["**no**: with more than 2,000 NFE"] * 2
    for none in ({}, {"lab": {"checkpoint_sha256": "bad", "figures": measured}}):
        assert compare_with_detectors(lab, none)[0][2] == "detectors were not measured"


def test_where_our_finding_falls_behind_it_is_said_why() -> None:
    ours, best = ({"tpr": {"value": value}} for value in (0.5, 0.75))
    descriptor = "the descriptor separates too few of the images without a copy"
    assert explain_shortfall(ours, ours, best, None) == descriptor
    for copied, both, reason in (
        (3, 0, descriptor),
        (4, 0, "4 of 320 held-out images have a copy (none of these with p ≤ α), so an image"),
        (9, 2, "9 of 320 held-out images have a copy (2 of these with p ≤ α), so an image"),
    ):
        key = {"way": "stated", "checkpoint": "lab-memorised", "group": "held out"}
        rates = key | {"copied": {"hits": copied, "n": 320}, "both": {"hits": both}}
        assert explain_shortfall(ours, ours, best, {"rates": [rates]}).startswith(reason)


def test_the_smaller_budget_is_the_demonstrations() -> None:
    search = load_params(Path(__file__).parents[2] / "params.yaml").search
    assert (search.budget_nfe, search.steps) == next(iter(STEPS_BY_BUDGET.items()))
