"""A portfolio: one p for many works, exact under the null, refused where the set is not sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from invented import identity

from seedwitness.records.exposure import PortfolioFinding
from seedwitness.verdict.portfolio import Portfolio, PortfolioWork, judge_portfolio

FEATURES = ("one", "two", "three")


def make(rng: np.random.Generator, name: str, gain: float = 0.0) -> PortfolioWork:
    ease = rng.normal(1.0, 0.2)
    return PortfolioWork(
        name=name,
        artist="Ilo",
        pair="",
        loss=ease + rng.normal(0, 0.02) - gain,
        reference_loss=ease + rng.normal(0, 0.02),
        features={each: float(rng.normal()) for each in FEATURES},
    )


def portfolio(seed: int = 0, works: int = 20, held_out: int = 60, gain: float = 0.0) -> Portfolio:
    rng = np.random.default_rng(seed)
    return Portfolio(
        checkpoint=identity("memorised"),
        reference=identity("clean"),
        objectives=("epsilon", "epsilon"),
        works=[make(rng, f"w{k}", gain) for k in range(works)],
        held_out=[make(rng, f"h{k}") for k in range(held_out)],
        timesteps=[100, 300],
        noises=2,
    )


def judge(each: Portfolio) -> PortfolioFinding:
    return judge_portfolio(each, 0.01)


def codes(found: PortfolioFinding) -> list[str]:
    return [reason.code for reason in found.reasons]


KNOWN = portfolio(1, gain=0.05)


def test_a_small_gain_of_many_works_is_supported() -> None:
    found = judge(KNOWN)
    assert (found.finding, codes(found)) == ("supported", ["portfolio-gain-at-most-alpha"])
    assert found.p is not None
    assert found.p <= 0.001
    assert found.above_median is not None
    assert found.above_median.n == 20
    assert found.nfe == 2 * 2 * 2 * 80
    limits = [limit.code for limit in found.limits]
    assert limits[:3] == ["exposed-no-copy", "exposed-validation", "portfolio-of-the-set"]


def test_never_seen_works_are_supported_as_rarely_as_p_says() -> None:
    hits = 0
    for seed in range(120):
        found = judge_portfolio(portfolio(seed, works=8, held_out=30), 0.05)
        hits += found.p is not None and found.p <= 0.05
    assert hits <= 14  # 99.9 % point of 120 trials at 5 %


def test_pairs_are_used_where_every_work_names_one() -> None:
    works = [replace(work, pair=f"h{k}") for k, work in enumerate(KNOWN.works)]
    paired = judge(replace(KNOWN, works=works))
    assert (paired.test, paired.finding) == ("paired", "supported")
    incomplete = judge(replace(KNOWN, works=[replace(works[0], pair="x"), *works[1:]]))
    assert incomplete.test == "unpaired"


@pytest.mark.parametrize("works", [0, 1, 4])
def test_a_single_work_is_no_portfolio(works: int) -> None:
    found = judge(replace(KNOWN, works=KNOWN.works[:works]))
    assert (found.finding, codes(found)) == ("inconclusive", ["portfolio-too-small"])
    assert found.works == works


def test_duplicates_count_once_and_a_portfolio_of_duplicates_is_one_work() -> None:
    twice = [
        *KNOWN.works,
        *(replace(w, name=f"again {w.name}", same_as=w.name) for w in KNOWN.works),
    ]
    found = judge(replace(KNOWN, works=twice))
    once = judge(KNOWN)
    assert (found.works, found.p) == (20, once.p)
    assert len(found.duplicates) == 20
    assert "portfolio-duplicates" in [limit.code for limit in found.limits]
    same = [replace(KNOWN.works[0], name=f"w{k}", same_as="w0" if k else "") for k in range(20)]
    assert codes(judge(replace(KNOWN, works=same))) == ["portfolio-too-small"]


def test_works_that_name_two_artists_are_refused() -> None:
    works = [replace(KNOWN.works[0], artist="Ida"), *KNOWN.works[1:]]
    found = judge(replace(KNOWN, works=works))
    assert found.reasons[0].code == "portfolio-several-artists"
    assert found.reasons[0].values["artists"] == ["Ida", "Ilo"]


def test_two_hands_that_nobody_named_are_seen_in_their_gains() -> None:
    rng = np.random.default_rng(5)
    works = [
        replace(
            make(rng, f"w{k}", 0.2 if k < 10 else 0.0),
            features={each: float(rng.normal(3 if k < 10 else -3)) for each in FEATURES},
        )
        for k in range(20)
    ]
    limits = [limit.code for limit in judge(replace(KNOWN, works=works)).limits]
    assert "portfolio-two-groups" in limits
    assert "portfolio-two-groups" not in [limit.code for limit in judge(KNOWN).limits]


def test_a_classifier_that_tells_works_apart_refuses_the_set() -> None:
    works = [
        replace(work, features={**work.features, "two": work.features["two"] + 4})
        for work in KNOWN.works
    ]
    found = judge(replace(KNOWN, works=works))
    assert (found.finding, codes(found)) == ("inconclusive", ["portfolio-blind-tells-apart"])
    assert found.blind is not None
    assert found.blind.features[0] == "two"
    assert found.p is not None  # it is shown


def test_a_work_that_is_held_out_is_refused() -> None:
    works = [replace(KNOWN.works[0], same_as="h3"), *KNOWN.works[1:]]
    assert codes(judge(replace(KNOWN, works=works)))[0] == "portfolio-work-held-out"


@pytest.mark.parametrize("field", ["loss", "reference_loss"])
def test_a_loss_that_is_no_number_is_named(field: str) -> None:
    works = [replace(KNOWN.works[0], **{field: float("nan")}), *KNOWN.works[1:]]
    found = judge(replace(KNOWN, works=works))
    assert found.p is None
    assert found.reasons[0].values["image"] == "w0"


def test_no_reference_and_one_of_the_same_weights_are_refused() -> None:
    assert codes(judge(replace(KNOWN, reference=None))) == ["exposed-without-reference"]
    same = judge(replace(KNOWN, reference=identity("memorised")))
    assert codes(same) == ["reference-same-weights"]
