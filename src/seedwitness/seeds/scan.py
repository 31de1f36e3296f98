"""The scan: every seed's noise correlated with what an image's inversion left of its own.

A score is Σ w·n over the noise n of a seed, w having length 1. For a seed that has nothing to do
with the image it is standard normal, whatever w is, because w was fixed before any seed was looked
at. A cascade looks at few elements of all seeds, at more of those that are left, and at all of the
best, drawn by the protocol itself. What that costs in lost seeds is stated by ``Plan.lost``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from scipy.stats import norm

from seedwitness.config import known
from seedwitness.errors import ConfigError
from seedwitness.files import replacing
from seedwitness.records import digest
from seedwitness.seeds import PROTOCOLS, scan_mt19937, scan_philox
from seedwitness.seeds.torch_cpu import SEEDS

Array = np.ndarray[Any, Any]
Report = Callable[[int, float], None]
"""Is told after each part how many seeds it had and the highest score so far."""

KERNELS: Mapping[str, ModuleType] = {"torch-cpu": scan_mt19937, "philox-nv": scan_philox}
BLOCK = 16
PART, CHUNK = 2**26, 2**20
"""Seeds that are written together, and that one thread takes at a time."""

VERSION = 1


@dataclass(frozen=True)
class Cascade:
    """Blocks of 16 elements that the two quick looks take, and what a score must reach there."""

    first_blocks: int = 8
    first_threshold: float = 2.6
    second_blocks: int = 14
    second_threshold: float = 4.0
    kept: int = 4096
    """Of all seeds that are left, the best so many are looked at in full."""


@dataclass(frozen=True)
class Plan:
    """Which blocks each look takes of weights [n], of length 1."""

    rng: str
    weights: Array
    cascade: Cascade
    first: Array
    second: Array

    def lost(self, r: float) -> float:
        """The chance that a quick look leaves the true seed out, noise correlating by ``r`` (> 0).

        The sum over both looks, as if each weight were right by the same ``r``.
        """
        looks = (
            (self.first, self.cascade.first_threshold),
            (self.second, self.cascade.second_threshold),
        )
        spread = np.sqrt(max(1 - r * r, 1e-12))
        length = np.sqrt(len(self.weights))
        missed = [
            norm.cdf((threshold - r * length * np.linalg.norm(_of(self.weights, blocks))) / spread)
            for blocks, threshold in looks
        ]
        return float(min(1.0, sum(missed)))

    @property
    def key(self) -> str:
        """Names all that a part's content depends on."""
        content = {"version": VERSION, "rng": self.rng, "cascade": asdict(self.cascade)}
        return digest({**content, "weights": self.weights.tobytes().hex()})[:32]


@dataclass(frozen=True)
class Candidates:
    """The best seeds of a scan, best first, with exact scores; and how many were tried."""

    seeds: Array
    z: Array
    tried: int

    def p(self, protocols: int = 1) -> Array:
        """Family-wise p of each by Bonferroni, over all seeds and so many scans like this one."""
        found: Array = np.minimum(1.0, norm.sf(self.z) * self.tried * protocols)
        return found


def plan(weights: Array, rng: str, cascade: Cascade | None = None) -> Plan:
    """Weights of any length, one an element of the noise in its order, as a plan of the scan.

    The blocks with the largest weights come first. Raises ConfigError for a protocol that cannot be
    scanned, or weights that are too few or all zero.
    """
    cascade = cascade or Cascade()
    if rng not in KERNELS:
        raise ConfigError(f"There is no scan of the RNG protocol `{rng}`.{known(rng, KERNELS)}")
    flat = np.asarray(weights, np.float64).ravel()
    length = float(np.linalg.norm(flat))
    if len(flat) < BLOCK or not np.isfinite(length) or length == 0:
        raise ConfigError(
            f"A scan needs at least {BLOCK} finite weights that are not all zero, not {len(flat)} "
            f"of length {length}: the inversion left nothing of the noise."
        )
    unit = (flat / length).astype(np.float32)
    there = min(len(unit) // BLOCK, getattr(KERNELS[rng], "BLOCKS", len(unit)))
    blocks = unit[: there * BLOCK].reshape(there, BLOCK)
    order = np.argsort(-(blocks**2).sum(1), kind="stable")
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
) -> Candidates:
    """Seeds from ``first`` to ``end`` (exclusive) whose noise of ``shape`` scores highest.

    Finished parts of ``ledger`` are read and not reckoned again; the result does not depend on
    that, nor on ``workers`` (threads; 0 for one a core). Raises ConfigError for a range that there
    is not.
    """
    if not 0 <= first < end <= SEEDS:
        raise ConfigError(f"Seeds run from 0 to {SEEDS}, and FROM:TO must be in it: {first}:{end}.")
    seeds, scores = np.empty(0, np.uint32), np.empty(0, np.float32)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for start, stop in parts(first, end):
            path = ledger / plan.key / f"{start:010d}-{stop:010d}.safetensors"
            if not path.exists():
                found = _part(plan, start, stop, pool)
                with replacing(path) as part:
                    save_file(found, part)
            found = load_file(path)
            seeds = np.concatenate([seeds, found["seeds"]])
            scores = np.concatenate([scores, found["scores"]])
            best = np.lexsort((seeds, -scores))[: plan.cascade.kept]
            seeds, scores = seeds[best], scores[best]
            if report:
                report(stop - start, float(scores.max(initial=-np.inf)))
    z = exact(plan, seeds, shape)
    order = np.lexsort((seeds, -z))
    return Candidates(seeds[order], z[order], end - first)


def parts(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The range cut at multiples of PART, so that ranges that overlap share their parts."""
    start = first
    while start < end:
        stop = min(end, (start // PART + 1) * PART)
        yield start, stop
        start = stop


def exact(plan: Plan, seeds: Array, shape: tuple[int, ...]) -> Array:
    """Scores of seeds on all elements of their noise, as the protocol itself draws it: float64."""
    draw = PROTOCOLS[plan.rng]
    weights = torch.from_numpy(plan.weights).double()
    found = [
        float(draw(int(seed), 0, shape, torch.float32).flatten().double() @ weights)
        for seed in seeds
    ]
    return np.array(found, np.float64)


def _part(plan: Plan, start: int, stop: int, pool: ThreadPoolExecutor) -> dict[str, Array]:
    chunks = [(at, min(at + CHUNK, stop)) for at in range(start, stop, CHUNK)]
    found = list(pool.map(lambda chunk: _chunk(plan, *chunk), chunks))
    return {
        name: np.concatenate([each[number] for each in found])
        for number, name in enumerate(("seeds", "scores"))
    }


def _chunk(plan: Plan, start: int, stop: int) -> tuple[Array, Array]:
    """Seeds that pass both looks, and their scores at the second."""
    seeds = np.arange(start, stop, dtype=np.uint64).astype(np.uint32)
    cascade = plan.cascade
    seeds, _ = _look(plan, seeds, plan.first, cascade.first_threshold)
    return _look(plan, seeds, plan.second, cascade.second_threshold)


def _look(plan: Plan, tried: Array, blocks: Array, threshold: float) -> tuple[Array, Array]:
    seeds, scores = np.empty(len(tried), np.uint32), np.empty(len(tried), np.float32)
    weights = _of(plan.weights, blocks)
    weights = weights / max(np.linalg.norm(weights), 1e-30)
    kernel = KERNELS[plan.rng]
    count = kernel.scan(tried, blocks, weights.astype(np.float32), threshold, seeds, scores)
    return seeds[:count], scores[:count]


def _of(weights: Array, blocks: Array) -> Array:
    found: Array = np.concatenate([weights[b * BLOCK : (b + 1) * BLOCK] for b in blocks])
    return found
