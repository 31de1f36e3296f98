"""The scan: every seed's noise correlated with what an image's inversion left of its own.

A score is Σ w·n over the noise n of a seed, w having length 1. For a seed that has nothing to do
with the image it is standard normal, whatever w is, because w was fixed before any seed was looked
at. A cascade looks at few elements of all seeds, at more of those that are left, and at all of the
best, drawn by the protocol itself. What that costs in lost seeds is stated by ``Plan.lost``.

Several w, of several prompts or images, are asked about at once, as queries: a seed's noise is what
costs, and it is the same for all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from scipy.optimize import brentq
from scipy.stats import norm

from seedwitness.config import known
from seedwitness.errors import ConfigError
from seedwitness.files import claimed, replacing
from seedwitness.records import digest
from seedwitness.seeds import PROTOCOLS, scan_mt19937, scan_philox
from seedwitness.seeds.torch_cpu import SEEDS

Array = np.ndarray[Any, Any]
Report = Callable[[int, float], object]
"""Is told after each part how many seeds it had and the highest score so far."""

KERNELS: Mapping[str, ModuleType] = {"torch-cpu": scan_mt19937, "philox-nv": scan_philox}
BLOCK = 16
PART, CHUNK = 2**26, 2**20
"""Seeds that are written together, and that one thread takes at a time."""

PAUSE = 0.5
"""Seconds until parts that another process is at are looked for again."""

VERSION = 2


@dataclass(frozen=True)
class Cascade:
    """Blocks of 16 elements that the two quick looks take, and what a score must reach there."""

    first_blocks: int = 10
    first_threshold: float = 2.4
    second_blocks: int = 39
    second_threshold: float = 4.3
    kept: int = 65_536
    """Of all seeds that are left for a query, the best so many are looked at in full: more than
    chance leaves of 2^32 (37,000), so that this loses none."""


@dataclass(frozen=True)
class Plan:
    """Which blocks each look takes of the weights [q, n], each row of length 1."""

    rng: str
    weights: Array
    cascade: Cascade
    first: Array
    second: Array

    def lost(self, r: float) -> Array:
        """The chance, by query, that a quick look leaves the true seed out: [q].

        ``r`` (> 0) is the correlation of weights and noise. It is the sum over both looks, as if
        each weight were right by the same ``r``.
        """
        looks = (
            (self.first, self.cascade.first_threshold),
            (self.second, self.cascade.second_threshold),
        )
        spread = np.sqrt(max(1 - r * r, 1e-12))
        whole = np.sqrt(self.weights.shape[1])
        missed = [
            norm.cdf(
                (threshold - r * whole * np.linalg.norm(_of(self.weights, blocks), axis=1)) / spread
            )
            for blocks, threshold in looks
        ]
        found: Array = np.minimum(1.0, np.sum(missed, axis=0))
        return found

    def seen(self, z: float, chance: float = 0.95) -> float:
        """The least correlation that reaches ``z`` with this chance, for the worst of the queries.

        It has to pass the quick looks, and then to reach ``z`` on all elements. 1 where even that
        would not do.
        """
        whole = np.sqrt(self.weights.shape[1])

        def missed(r: float) -> float:
            last = norm.cdf((z - r * whole) / np.sqrt(max(1 - r * r, 1e-12)))
            return float(self.lost(r).max() + last) - (1 - chance)

        return float(brentq(missed, 1e-6, 1.0, xtol=1e-4)) if missed(1.0) < 0 else 1.0

    @property
    def key(self) -> str:
        """Names all that a part's content depends on."""
        content = {"version": VERSION, "rng": self.rng, "cascade": asdict(self.cascade)}
        content |= {"queries": len(self.weights), "weights": self.weights.tobytes().hex()}
        return digest(content)[:32]


@dataclass(frozen=True)
class Candidates:
    """The best seeds of one query, best first, with exact scores; and how many were tried."""

    seeds: Array
    z: Array
    tried: int

    def p(self, scans: int = 1) -> Array:
        """Family-wise p of each by Bonferroni, over all seeds and so many scans like this one."""
        found: Array = np.minimum(1.0, norm.sf(self.z) * self.tried * scans)
        return found


def kernel(rng: str) -> Callable[..., int]:
    """The GPU's kernel where there is a GPU, else that of the cores; both look at the same noise.

    Their scores differ by less than 0.01, so that of the seeds just at a threshold the one may keep
    a few that the other does not.
    """
    if torch.cuda.is_available():
        from seedwitness.seeds import scan_triton  # triton comes with torch for GPUs

        return scan_triton.KERNELS[rng]
    scan: Callable[..., int] = KERNELS[rng].scan
    return scan


def plan(weights: Array, rng: str, cascade: Cascade | None = None) -> Plan:
    """Weights [q, n] of any length, one row a query, in the order of the noise, as a scan's plan.

    The blocks with the largest weights come first. Raises ConfigError for a protocol that cannot be
    scanned, or weights that are too few or all zero.
    """
    cascade = cascade or Cascade()
    if rng not in KERNELS:
        raise ConfigError(f"There is no scan of the RNG protocol `{rng}`.{known(rng, KERNELS)}")
    rows = np.asarray(weights, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.shape[1] < BLOCK or not np.isfinite(lengths).all() or not lengths.all():
        raise ConfigError(
            f"A scan needs at least {BLOCK} finite weights that are not all zero, not "
            f"{rows.shape[1]} of length {lengths.min()}: the inversion left nothing of the noise."
        )
    unit = (rows / lengths).astype(np.float32)
    there = min(unit.shape[1] // BLOCK, getattr(KERNELS[rng], "BLOCKS", unit.shape[1]))
    blocks = unit[:, : there * BLOCK].reshape(len(unit), there, BLOCK)
    order = np.argsort(-(blocks**2).sum((0, 2)), kind="stable")
    looks = [np.sort(order[:n]) for n in (cascade.first_blocks, cascade.second_blocks)]
    return Plan(rng, unit, cascade, *looks)


def scan(
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
    the result does not depend on that, nor on ``workers`` (threads; 0 for one a core). Raises
    ConfigError for a range that there is not.
    """
    if not 0 <= first < end <= SEEDS:
        raise ConfigError(f"Seeds run from 0 to {SEEDS}, and FROM:TO must be in it: {first}:{end}.")
    best = [(np.empty(0, np.uint32), np.empty(0, np.float32)) for _ in plan.weights]
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for start, stop, path in _finished(plan, list(parts(first, end)), ledger, pool):
            found = load_file(path)
            for query, kept in enumerate(best):
                own = found["queries"] == query
                best[query] = _best(
                    np.concatenate([kept[0], found["seeds"][own]]),
                    np.concatenate([kept[1], found["scores"][own]]),
                    plan.cascade.kept,
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
) -> Iterator[tuple[int, int, Path]]:
    """Each part with its file, as soon as it is there: computed here or by another process."""
    while ranges:
        others = []
        for start, stop in ranges:
            path = ledger / plan.key / f"{start:010d}-{stop:010d}.safetensors"
            if not path.exists():
                with claimed(path) as ours:
                    if not ours:
                        others.append((start, stop))
                        continue
                    if not path.exists():
                        found = _part(plan, start, stop, pool)
                        with replacing(path) as part:
                            save_file(found, part)
            yield start, stop, path
        if others:
            time.sleep(PAUSE)
        ranges = others


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
                float(draw(seed, 0, shape, torch.float32).flatten().double() @ row)
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
        kept.append(own[np.lexsort((seeds[own], -scores[own]))[: plan.cascade.kept]])
    rows = np.concatenate(kept)
    return {"seeds": seeds[rows], "queries": queries[rows], "scores": scores[rows]}


def _chunk(plan: Plan, start: int, stop: int) -> tuple[Array, Array, Array]:
    """Seeds that pass both looks of a query, that query, and their scores at the second."""
    cascade = plan.cascade
    everything = np.arange(start, stop, dtype=np.uint64).astype(np.uint32)
    seeds, queries, _ = _look(plan, everything, plan.first, cascade.first_threshold)
    found = []
    for query in range(len(plan.weights)):
        passed = seeds[queries == query]
        again, _, scores = _look(
            plan, passed, plan.second, cascade.second_threshold, slice(query, query + 1)
        )
        found.append((again, np.full(len(again), query, np.uint32), scores))
    return tuple(np.concatenate(each) for each in zip(*found, strict=True))  # type: ignore[return-value]


def _look(
    plan: Plan, tried: Array, blocks: Array, threshold: float, asked: slice = slice(None)
) -> tuple[Array, Array, Array]:
    weights = _of(plan.weights[asked], blocks)
    weights = weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-30)
    weights = np.ascontiguousarray(weights, np.float32)
    look = kernel(plan.rng)
    room = len(tried)
    while True:
        seeds, queries = np.empty(room, np.uint32), np.empty(room, np.uint32)
        scores = np.empty(room, np.float32)
        count = look(tried, blocks, weights, threshold, seeds, queries, scores)
        if count <= room:
            return seeds[:count], queries[:count], scores[:count]
        room = count


def _of(weights: Array, blocks: Array) -> Array:
    """The weights [q, n] in ``blocks``: [q, 16 · len(blocks)]."""
    found: Array = np.concatenate([weights[:, b * BLOCK : (b + 1) * BLOCK] for b in blocks], 1)
    return found
