"""The reachability ladder in a report, against the tables that it comes from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedwitness.report.ladder_ranks import rank_ladder
from seedwitness.report.sources import CaseSource, read_target_source


@pytest.fixture(scope="module")
def owl(project: Path) -> CaseSource:
    cases = {
        each.case.checkpoint: each for each in read_target_source(project / "data", "owl").cases
    }
    return cases["memorised"]


@pytest.mark.parametrize(("metric", "best"), [("descriptor", np.max), ("patch-l2", np.min)])
def test_a_rung_is_the_closest_of_its_seeds_beside_the_controls(
    owl: CaseSource, metric: str, best: np.ufunc
) -> None:
    found = rank_ladder(owl, metric)
    assert found is not None
    assert [(each.rung, each.strength, each.seeds) for each in found.rungs] == [
        ("round trip", 0.0, 1),
        ("image to image", 0.5, 2),
        ("image to image", 1.0, 2),
        ("words alone", 1.0, 1),
        ("words alone", 0.0, 1),
    ]
    assert [bool(each.prompt) for each in found.rungs] == [False, True, True, True, False]
    for rung in found.rungs:
        own, theirs = (
            table[
                (table["metric"] == metric)
                & (table["rung"] == rung.rung)
                & (table["strength"] == rung.strength)
            ]
            for table in (owl.reach, owl.controls_reach)
        )
        each_best = [best(rows["score"]) for _, rows in theirs.groupby("control")]
        assert rung.score == best(own["score"])
        assert rung.controls == len(each_best) == 6
        assert rung.controls_median == pytest.approx(np.median(each_best))
        assert rung.controls_closest == best(each_best)
        as_close = [best([rung.score, other]) == other for other in each_best]
        assert rung.controls_as_close == sum(as_close)


def test_the_target_among_the_controls_is_left_out(owl: CaseSource) -> None:
    rank = owl.case.memorised.rank
    assert rank is not None
    rank = rank.model_copy(update={"left_out": ["control-003"]})
    memorised = owl.case.memorised.model_copy(update={"rank": rank})
    case = owl.case.model_copy(update={"memorised": memorised})
    found = rank_ladder(replace(owl, case=case), "descriptor")
    assert found is not None
    assert {each.controls for each in found.rungs} == {5}


def test_without_controls_there_is_nothing_to_compare_with(owl: CaseSource) -> None:
    found = rank_ladder(replace(owl, controls_reach=owl.controls_reach[:0]), "descriptor")
    assert found is not None
    for rung in found.rungs:
        assert (rung.controls, rung.controls_as_close) == (0, 0)
        assert rung.controls_median is rung.controls_closest is None


def test_a_page_shows_the_ladder_or_says_that_there_is_none(project: Path) -> None:
    owl, heron = (
        (project / "reports" / name / "report.html").read_text() for name in ("owl", "heron")
    )
    assert "Image to image, strength 0.5" in owl
    assert 'in the <a href="#reach">reachability ladder</a>' in owl
    assert "The ladder was not run." in heron
    assert "(image to image, at rising strength) was not measured" in heron
    assert (project / "reports/owl/images/memorised/reach/2.png").exists()
