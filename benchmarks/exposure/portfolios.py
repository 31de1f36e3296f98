"""Portfolios drawn from a lab's measured images: of works never seen, and of planted works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.exposure.measurements import SETTINGS
from benchmarks.shared.groups import EXPOSURES, HELD_OUT, MEMORISED, REFERENCE
from benchmarks.shared.rates import rate_figures
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.verdict.portfolio import (
    MIN_HELD_OUT,
    Portfolio,
    PortfolioWork,
    judge_portfolio,
)

ALPHA = 0.01
SIZES = (5, 10, 20, 50)
COMPARED = 100
"""Held-out images that a portfolio is compared with."""

NULL = "works and held-out images at random"
ONE_HAND = "all by one artist"
OTHER_HANDS = "works by one artist, held-out images by others"

Row = dict[str, Any]
Identities = tuple[CheckpointIdentity, CheckpointIdentity]


def make_work(row: Row, prompt: str) -> PortfolioWork:
    """A measured image as a work."""
    return PortfolioWork(
        name=row["id"],
        artist="",
        pair="",
        loss=row[f"{MEMORISED} {prompt}"],
        reference_loss=row[f"{REFERENCE} {prompt}"],
        features={
            f"{group}: {name}": value
            for group, values in row["features"].items()
            for name, value in values.items()
        },
    )


def judge(
    works: Sequence[Row], held_out: Sequence[Row], identities: Identities, prompt: str = "caption"
) -> Row:
    """p of a portfolio, whether it was refused, and its finding."""
    found = judge_portfolio(
        Portfolio(
            checkpoint=identities[0],
            reference=identities[1],
            objectives=("v_prediction", "v_prediction"),
            works=[make_work(row, prompt) for row in works],
            held_out=[make_work(row, prompt) for row in held_out],
            timesteps=[int(level * 1000) for level in SETTINGS.levels],
            noises=SETTINGS.noises,
        ),
        ALPHA,
    )
    assert found.p is not None
    assert found.blind is not None
    return {
        "small": found.p <= ALPHA,
        "refused": found.blind.tells_apart,
        "supported": found.finding == "supported",
    }


def summarise(results: Sequence[Row], **about: Any) -> Row:
    """Rates of small p, of refusals and of findings; with the intervals of independent draws."""
    return about | {
        name: rate_figures(sum(row[name] for row in results), len(results))
        for name in ("small", "refused", "supported")
    }


def measure_nulls(rows: Sequence[Row], count: int, identities: Identities) -> list[Row]:
    """``count`` portfolios of held-out images at random, and a tenth as many of each other kind."""
    rng = np.random.default_rng(1)
    pool = [row for row in rows if row["group"] == HELD_OUT]
    figures = []
    everything: list[Row] = []
    for size in SIZES:
        results = []
        for _ in range(count // len(SIZES)):
            order = rng.permutation(len(pool))
            chosen = [pool[k] for k in order[: size + COMPARED]]
            results.append(judge(chosen[:size], chosen[size:], identities))
        figures.append(summarise(results, kind=NULL, size=size))
        everything += results
    figures.append(summarise(everything, kind=NULL, size="all"))
    artists = Counter(row["artist"] for row in pool)
    large = [name for name, number in artists.items() if name and number >= 10 + MIN_HELD_OUT]
    for kind, compared in ((ONE_HAND, True), (OTHER_HANDS, False)):
        results = []
        for _ in range(count // 10 if large else 0):
            artist = large[int(rng.integers(len(large)))]
            own = [row for row in pool if row["artist"] == artist]
            own = [own[k] for k in rng.permutation(len(own))]
            others = [row for row in pool if row["artist"] != artist]
            others = [others[k] for k in rng.permutation(len(others))[:COMPARED]]
            results.append(judge(own[:10], own[10:] if compared else others, identities))
        if results:
            figures.append(summarise(results, kind=kind, size=10))
    return figures


def measure_power(rows: Sequence[Row], draws: int, identities: Identities) -> list[Row]:
    """Portfolios of planted works, by exposure, size, prompt, and by the share that was planted."""
    rng = np.random.default_rng(2)
    pool = [row for row in rows if row["group"] == HELD_OUT]
    figures = []

    def measure(seen: Sequence[Row], planted: int, size: int, prompt: str) -> list[Row]:
        results = []
        for _ in range(draws):
            order = rng.permutation(len(pool))
            unseen = [pool[k] for k in order[: size - planted]]
            compared = [pool[k] for k in order[size - planted : size - planted + COMPARED]]
            works = [seen[k] for k in rng.permutation(len(seen))[:planted]]
            results.append(judge([*works, *unseen], compared, identities, prompt))
        return results

    for group in EXPOSURES:
        seen = [row for row in rows if row["group"] == group]
        cases = [(size, size, "caption") for size in (5, 10, 20)]
        if EXPOSURES[group] == min(EXPOSURES.values()):
            cases += [(size, size, "empty") for size in (5, 10, 20)]
            cases += [(planted, 20, "caption") for planted in (2, 5, 10)]
            cases += [(planted, 50, "caption") for planted in (5, 10, 20)]
        for planted, size, prompt in cases:
            if planted <= len(seen):
                results = measure(seen, planted, size, prompt)
                figures.append(
                    summarise(results, group=group, planted=planted, size=size, prompt=prompt)
                )
    return figures
