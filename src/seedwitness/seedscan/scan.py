"""The scan: every seed's noise correlated with what an image's inversion left of its own.

A score is Σ w·n over the noise n of a seed, w having length 1. For a seed that has nothing to do
with the image it is standard normal, whatever w is, because w was fixed before any seed was looked
at. A cascade looks at few elements of all seeds, at more and more of those that are left, and at
all of the best, drawn by the protocol itself. ``Plan.lost`` states what that costs in lost seeds.

Several w, of several prompts or images, are asked about at once, as queries: a seed's noise is what
costs, and it is the same for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.stats import norm

from seedwitness.errors import ConfigError
from seedwitness.runtime.cores import available_cores
from seedwitness.runtime.files import exclusive_claim, replace_whole, share_work
from seedwitness.seeds import PROTOCOLS
from seedwitness.seeds.torch_cpu import SEEDS
from seedwitness.seedscan.cascade import KEPT, Array, Look, Plan, kernel, of

logger = logging.getLogger(__name__)

Report = Callable[[int, float], object]
"""Is told after each part how many seeds it had and the highest score so far."""

PART, CHUNK = 2**26, 2**20
"""Seeds that are written together, and that one thread takes at a time."""


@dataclass(frozen=True)
class Candidates:
    """The best seeds of one query, best first, with exact scores; and how many were tried."""

    seeds: Array
    z: Array
    tried: int

    def p(self, scans: int = 1) -> Array:
        """Family-wise p of each by Bonferroni, over all seeds and so many scans like this one."""
        return family_wise(self.z, self.tried * scans)


def family_wise(z: Array, tests: int) -> Array:
    """p of scores by Bonferroni over so many tests: at most 1, and never below the least double."""
    found: Array = np.clip(norm.sf(z) * tests, np.finfo(np.float64).tiny, 1.0)
    return found


def scan_range(
    plan: Plan,
    shape: tuple[int, ...],
    first: int = 0,
    end: int = SEEDS,
    *,
    ledger: Path,
    workers: int = 0,
    report: Report | None = None,
) -> list[Candidates]:
    """By query, seeds from ``first`` up to ``end`` whose noise of ``shape`` scores highest.

    Finished parts of ``ledger`` are read and not reckoned again, nor what another process is at;
    the result does not depend on that, nor on ``workers`` (threads; 0 for as many as this process
    may use cores). Raises ConfigError for a range that there is not.
    """
    if not 0 <= first < end <= SEEDS:
        raise ConfigError(f"Seeds run from 0 to {SEEDS}, and FROM:TO must be in it: {first}:{end}.")
    best = [(np.empty(0, np.uint32), np.empty(0, np.float32)) for _ in plan.weights]
    with ThreadPoolExecutor(workers or available_cores()) as pool:
        for start, stop, found in _finished(plan, list(parts(first, end)), ledger, pool):
            for query, kept in enumerate(best):
                own = found["queries"] == query
                best[query] = _best(
                    np.concatenate([kept[0], found["seeds"][own]]),
                    np.concatenate([kept[1], found["scores"][own]]),
                    KEPT,
                )
            if report:
                highest = max(float(scores.max(initial=-np.inf)) for _, scores in best)
                report(stop - start, highest)
    candidates = []
    for seeds, z in zip([each[0] for each in best], exact(plan, best, shape), strict=True):
        order = np.lexsort((seeds, -z))
        candidates.append(Candidates(seeds[order], z[order], end - first))
    return candidates


def _finished(
    plan: Plan, ranges: list[tuple[int, int]], ledger: Path, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, int, dict[str, Array]]]:
    """Each part, as soon as it is there: computed here or by another process."""

    def attempt(range_: tuple[int, int]) -> dict[str, Array] | None:
        start, stop = range_
        path = ledger / plan.key / f"{start:010d}-{stop:010d}.safetensors"
        found = _read(path)
        if found is not None:
            return found
        with exclusive_claim(path) as ours:
            if not ours:
                return None
            found = _read(path)
            if found is None:
                found = _part(plan, start, stop, pool)
                with replace_whole(path) as part:
                    save_file(found, part)
        return found

    for (start, stop), found in share_work(ranges, attempt):
        yield start, stop, found


def _read(path: Path) -> dict[str, Array] | None:
    """A finished part; None where it is still to do, or damaged, which a warning says."""
    if not path.exists():
        return None
    try:
        found: dict[str, Array] = load_file(path)
    except (SafetensorError, OSError) as error:
        logger.warning("%s is damaged (%s): its seeds are looked at again.", path, error)
        return None
    return found


def _best(seeds: Array, scores: Array, kept: int) -> tuple[Array, Array]:
    order = np.lexsort((seeds, -scores))[:kept]
    return seeds[order], scores[order]


def parts(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The range cut at multiples of PART, so that ranges that overlap share their parts."""
    start = first
    while start < end:
        stop = min(end, (start // PART + 1) * PART)
        yield start, stop
        start = stop


def exact(plan: Plan, chosen: Sequence[tuple[Array, Array]], shape: tuple[int, ...]) -> list[Array]:
    """By query, scores of its chosen seeds on all noise, as the protocol draws it: float64."""
    draw = PROTOCOLS[plan.rng]
    rows = torch.from_numpy(plan.weights).double()  # [q, n]
    return [
        np.array(
            [
                float(draw(seed, plan.draw, shape, torch.float32).flatten().double() @ row)
                for seed in seeds.tolist()
            ],
            np.float64,
        )
        for row, (seeds, _) in zip(rows, chosen, strict=True)
    ]


def _part(plan: Plan, start: int, stop: int, pool: ThreadPoolExecutor) -> dict[str, Array]:
    chunks = [(at, min(at + CHUNK, stop)) for at in range(start, stop, CHUNK)]
    found = list(pool.map(lambda chunk: _chunk(plan, *chunk), chunks))
    seeds, queries, scores = (np.concatenate(each) for each in zip(*found, strict=True))
    kept = []
    for query in range(len(plan.weights)):
        own = np.flatnonzero(queries == query)
        # No more of a part can be among the best of all.
        kept.append(own[np.lexsort((seeds[own], -scores[own]))[:KEPT]])
    rows = np.concatenate(kept)
    return {"seeds": seeds[rows], "queries": queries[rows], "scores": scores[rows]}


def _chunk(plan: Plan, start: int, stop: int) -> tuple[Array, Array, Array]:
    """Seeds that pass all looks of a query, that query, and their scores at the last."""
    everything = np.arange(start, stop, dtype=np.uint64).astype(np.uint32)
    first, *further = plan.looks
    seeds, queries, scores = _look(plan, everything, first)
    for look in further:
        found = []
        for query in range(len(plan.weights)):
            passed = seeds[queries == query]
            again, _, own = _look(plan, passed, look, slice(query, query + 1))
            found.append((again, np.full(len(again), query, np.uint32), own))
        seeds, queries, scores = (np.concatenate(each) for each in zip(*found, strict=True))
    return seeds, queries, scores


def _look(
    plan: Plan, tried: Array, look: Look, asked: slice = slice(None)
) -> tuple[Array, Array, Array]:
    weights = of(plan.weights[asked], look.blocks)
    weights = weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-30)
    weights = np.ascontiguousarray(weights, np.float32)
    blocks = plan.at(look)
    scores_of = kernel(plan.rng, blocks)
    room = len(tried)
    while True:
        seeds, queries = np.empty(room, np.uint32), np.empty(room, np.uint32)
        scores = np.empty(room, np.float32)
        count = scores_of(tried, blocks, weights, look.threshold, seeds, queries, scores)
        if count <= room:
            return seeds[:count], queries[:count], scores[:count]
        room = count
