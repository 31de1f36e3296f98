"""What the benches reckon from what they measured: shares, areas, bars, and what is kept."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from asked import STEPS
from blind import otherwise
from cases import CASE, SETTINGS
from detectors_page import summary
from kept import Kept
from reckoned import FINDING
from told_apart import LESS, OURS, figures, findings, less
from validation import SCORES, counted, pairs
from validation_bars import NEVER, PLANTED, WAYS, against, bars, below, missing, verdict

from seedwitness.config.params import load_params
from seedwitness.statistics.rates import rate
from seedwitness.verdict.judgement import judge

ABOUT = {"prompt": "training caption", "nfe": 320, "backward": 0, "seconds": 1.0}


def rows(detector: str, held_out: list[float], planted: list[float]) -> list[dict[str, Any]]:
    found = []
    for group, values in (("planted 8 times", planted), ("held out", held_out)):
        for number, value in enumerate(values):
            named = {"picture": f"{group} {number}", "group": group, "detector": detector}
            copies = {"copies": int(value >= 2)} if detector == FINDING else {}
            found.append({**ABOUT, **named, **copies, "value": value})
    return found


def test_figures_are_those_of_a_group_against_held_out_pictures() -> None:
    held_out = [k / 100 for k in range(100)]
    apart = rows("apart", held_out, [2.0, 3.0])
    middle = rows("middle", held_out, [0.495, 0.495, 5.0, 5.0])
    found = {each["detector"]: each for each in figures(apart + middle)}
    assert set(found) == {"apart", "middle"}
    assert found["apart"]["auc"]["value"] == found["apart"]["tpr"]["value"] == 1
    assert found["middle"]["auc"]["value"] == pytest.approx(0.75)
    assert found["middle"]["tpr"]["value"] == 0.5
    assert found["middle"]["auc"]["low"] < 0.75 < found["middle"]["auc"]["high"]
    assert (found["middle"]["auc"]["positives"], found["middle"]["auc"]["negatives"]) == (4, 100)


def test_what_the_reference_has_too_is_taken_off() -> None:
    """A picture that both copy falls behind one that the checkpoint alone comes near."""
    own = rows(FINDING, [2.9, 0.4], [0.7])
    theirs = rows(FINDING, [2.8, 0.5], [0.2])[:3]
    found = less(own, theirs)
    assert [each["value"] for each in found] == pytest.approx([0.5, 0.1, -0.1])
    assert {(each["detector"], each["nfe"], each["seconds"]) for each in found} == {
        (OURS, 640, 2.0)
    }
    assert [each["group"] for each in found] == ["planted 8 times", "held out", "held out"]
    assert less(own, theirs[1:]) == found[1:]


def test_a_finding_takes_a_low_rank_and_a_copy() -> None:
    """A copy adds 2 to the score, and the rank is by what is left."""
    held_out = [k / 200 for k in range(199)] + [2.0]  # the last a copy, and far by descriptor
    planted = [2.995, 0.995, 2.5]  # close and a copy; close and none; a copy and not close
    found = {each["group"]: each for each in findings(rows(FINDING, held_out, planted))}
    assert (found["planted 8 times"]["supported"], found["planted 8 times"]["n"]) == (1, 3)
    assert (found["held out"]["supported"], found["held out"]["n"]) == (0, 200)


def test_a_picture_is_held_against_what_the_reference_has_of_it() -> None:
    about = {"way": "stated", "group": "once", "closest": {}}
    found = [
        {
            **about,
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
    both = pairs(found, "stated", "once")
    assert [SCORES[OURS](*each) for each in both] == pytest.approx([0.1, 0.2])
    assert [SCORES[FINDING](*each) for each in both] == pytest.approx([2.9, 0.8])


@pytest.mark.parametrize(
    ("bits", "theirs", "there", "finding"),
    [
        (20, 120, 0.5, "supported"),
        (90, 120, 0.5, "inconclusive"),  # no copy
        (20, 20, 0.5, "inconclusive"),  # the reference copies as well
        (20, 120, 0.01, "inconclusive"),  # and is as near
    ],
)
def test_another_line_for_a_copy_changes_that_alone(
    bits: int, theirs: int, there: float, finding: str
) -> None:
    by_pdq = {"metric": "pdq", "lowest": 0.0, "highest": 256.0, "higher_is_closer": False}
    table = CASE.scores[CASE.scores["metric"] == "patch-l2"].assign(**by_pdq)
    both = {
        name: pd.concat([getattr(CASE, name), table.assign(score=float(score))])
        for name, score in (("scores", bits), ("reference_scores", theirs))
    }
    case = replace(CASE, **both)
    [found] = judge([case], SETTINGS)
    assert found.memorised.finding == "supported"
    assert otherwise(case, found.memorised, there, SETTINGS) == finding


def judged(finding: str, p: float, copies: int, *, refused: bool = False) -> dict[str, Any]:
    about = {"finding": finding, "p": p, "copies": copies, "refused": refused}
    return {**about, "by_pdq": "supported" if copies > 3 else "inconclusive"}


def test_every_finding_is_counted_once_by_what_stood_in_its_way() -> None:
    own = [
        judged("supported", 0.01, 3),
        judged("inconclusive", 0.01, 3),  # as near on the reference
        judged("inconclusive", 0.01, 0),
        judged("inconclusive", 0.3, 2),
        judged("not supported", 0.3, 0),
        judged("inconclusive", 0.01, 4, refused=True),
    ]
    found = counted(own, 0.01)
    assert found == {
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
    rates = {name: {"hits": hits, "n": 6} for name, hits in found.items()}
    assert missing(rates) == "1 refused, 2 p above α, 1 no copy, 1 as near on the reference"
    assert verdict(False, missing(rates)).startswith("**no**: 1 refused")
    assert (verdict(True, "whatever"), verdict(False)) == ("yes", "**no**")


def a_lab(changed: dict[tuple[str, str, str], dict[str, int]]) -> dict[str, Any]:
    """A lab in which every planted picture is supported and nothing else, but what is changed."""
    found = []
    for checkpoint in ("lab-memorised", "lab-clean"):
        for group in (*PLANTED, *NEVER):
            for way in WAYS:
                n = 24 if group in PLANTED else 200
                learned = n if group in PLANTED and checkpoint == "lab-memorised" else 0
                hits = dict.fromkeys(("refused", "unseen", "no_copy"), 0)
                hits |= {"supported": learned, "both": learned}
                hits |= changed.get((checkpoint, group, way), {})
                about = {"checkpoint": checkpoint, "group": group, "way": way}
                found.append(about | {name: asdict(rate(k, n)) for name, k in hits.items()})
    apart = {"way": "stated", "group": "held out", "p": 0.5, "n": 200, "controls": 100}
    names = ("lab-memorised", "lab-clean")
    return {
        "rates": found,
        "exchangeable": [{**apart, "checkpoint": name} for name in names],
        "nfe": 160,
        "checkpoints": {name: name for name in names},
    }


def test_a_bar_is_held_against_what_was_measured() -> None:
    met = {row[0]: row[-1] for row in bars(a_lab({}), {})}
    assert set(met.values()) == {"yes", "–"}
    changed = {
        ("lab-memorised", "held out", "stated"): {"supported": 3},
        ("lab-memorised", "twins", "stated"): {"supported": 2},
        ("lab-memorised", "once", "stated"): {"supported": 2, "refused": 1},
        ("lab-memorised", "planted 128 times", "stated"): {"supported": 22, "no_copy": 2},
        ("lab-memorised", "planted 32 times", "as found"): {"supported": 20, "unseen": 4},
        ("lab-clean", "planted 8 times", "stated"): {"both": 1},
        ("lab-clean", "once", "stated"): {"both": 5},
    }
    rows = {row[0]: row[-1] for row in bars(a_lab(changed), {})}
    missed = {name: word for name, word in rows.items() if "no" in word}
    assert missed == {
        "held out, stated: supported": "**no**",
        "once, stated: supported": "**no**",  # the refused one is not counted in
        "planted 128 times, stated: supported": "**no**: 2 no copy",
        "`lab-clean`, planted, twins, held out, the same recipes: p ≤ α and a copy": "**no**",
    }


def test_what_was_not_asked_has_no_bar() -> None:
    lab = a_lab({})
    stated = {**lab, "rates": [each for each in lab["rates"] if each["way"] == "stated"]}
    told = [row[0] for row in bars(stated, {})]
    assert not any("as found" in each or "pixels alone" in each for each in told)
    assert {"held out, stated: supported", "planted 32 times, stated: supported"} <= set(told)


def tprs(**figures: tuple[float, ...]) -> list[dict[str, Any]]:
    """TPR by figure, of pictures planted 128, 32 and 8 times, under either prompt."""
    return [
        {
            **{"detector": name, "group": group, "prompt": prompt, "nfe": 320},
            "tpr": {"value": tpr, "low": tpr - 0.1, "high": tpr, "positives": 24, "negatives": 200},
        }
        for name, values in figures.items()
        for group, tpr in zip(PLANTED, values, strict=True)
        for prompt in ("training caption", "recovered")
    ]


def test_our_finding_has_to_be_above_every_detector() -> None:
    """By the bench, and by the search that is judged, which has no more than 2,000 NFE for it."""
    others = {"magnitude": (0.8, 0.8, 0.6), "hessian": (0.1, 0.1, 0.1)}
    own = {OURS: (0.9, 0.8, 0.5), FINDING: (1.0, 1.0, 1.0), "clique" + LESS: (1.0, 1.0, 1.0)}
    measured = tprs(**own, **others)
    here = [
        {"way": "stated", "by": by, "group": each["group"], "tpr": each["tpr"]}
        for by, values in ((OURS, (0.8, 0.9, 0.9)), (FINDING, (1.0, 1.0, 1.0)))
        for each in tprs(any=values)[::2]
    ]
    lab = {"checkpoints": {"lab-memorised": "f00"}, "told_apart": here, "nfe": 640}
    there = {"lab": {"checkpoint_sha256": "f00", "figures": measured}}
    by_bench, by_search = (
        [row[-1] for row in against(lab, there) if how in row[0]] for how in ("bench", "search")
    )
    costs = "the reference's, taken off, costs 0.500"
    assert by_bench == ["yes", "**no**: as high", f"**no**: {costs}"]
    assert by_search == ["**no**: as high", "yes", "yes"]
    assert all("magnitude" in row[1] for row in against(lab, there))
    costly = [row[-1] for row in against(lab | {"nfe": 1920}, there) if "search" in row[0]]
    assert costly[1:] == ["**no**: with more than 2,000 NFE"] * 2
    for none in ({}, {"lab": {"checkpoint_sha256": "bad", "figures": measured}}):
        assert against(lab, none)[0][2] == "detectors were not measured"


def test_where_our_finding_falls_behind_it_is_said_why() -> None:
    ours, best = ({"tpr": {"value": value}} for value in (0.5, 0.75))
    told_apart = "of pictures without a copy the descriptor tells too few apart"
    assert below(ours, ours, best, None) == told_apart
    for copied, both, why in (
        (3, 0, told_apart),
        (4, 0, "4 of 320 held-out pictures have a copy (none of these with p ≤ α), so that"),
        (9, 2, "9 of 320 held-out pictures have a copy (2 of these with p ≤ α), so that"),
    ):
        own = {"way": "stated", "checkpoint": "lab-memorised", "group": "held out"}
        rates = own | {"copied": {"hits": copied, "n": 320}, "both": {"hits": both}}
        assert below(ours, ours, best, {"rates": [rates]}).startswith(why)


def test_what_was_reckoned_is_found_again_by_all_that_it_came_from(tmp_path: Path) -> None:
    asked: list[str] = []

    def reckon() -> list[dict[str, Any]]:
        asked.append("again")
        return [{"detector": "magnitude", "value": -float("inf")}]

    kept = Kept(tmp_path, {"steps": 20})
    first = kept.rows("magnitude", "f00", "a fox", reckon)
    assert kept.rows("magnitude", "f00", "a fox", reckon) == first
    assert len(asked) == 1
    places = {
        Kept(tmp_path, about).place(unit, pixels, prompt)
        for about in ({"steps": 20}, {"steps": 21})
        for unit in ("magnitude", "hessian", "generations", "recovered")
        for pixels in ("f00", "bad")
        for prompt in ("a fox", "")
    }
    assert len(places) == 32
    assert json.loads(kept.place("magnitude", "f00", "a fox").read_text()) == first


def test_the_best_are_named_by_what_they_ask_for() -> None:
    others = {"most-alike": (0.6, 0.6, 0.6), "clique": (0.2, 0.3, 0.4), "hessian": (0.4, 0.2, 0.2)}
    own = {OURS: (0.9, 0.8, 0.5), FINDING: (0.8, 0.7, 0.4), "most-alike" + LESS: (1.0, 1.0, 1.0)}
    _, found = summary(tprs(**own, **others))
    rows = [line.split(" | ") for line in found.splitlines() if "planted" in line]
    assert len(rows) == 2 * len(PLANTED)
    assert all(row[4].endswith("most-alike") for row in rows)
    assert [row[5].split(", ")[1] for row in rows[:3]] == ["hessian |", "clique |", "clique |"]


def test_the_smaller_budget_is_the_demonstrations() -> None:
    search = load_params(Path(__file__).parents[2] / "params.yaml").search
    assert (search.budget_nfe, search.steps) == next(iter(STEPS.items()))
