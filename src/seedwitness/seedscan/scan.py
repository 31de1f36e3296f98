"""Scan seeds: correlate every seed's noise with the noise that inverting an image recovered.

A score is Σ w·n over the noise n of a seed, where w has unit length. For a seed unrelated to the
image it is standard normal whatever w is, because w was fixed before any seed was scored. A cascade
scores few elements of all seeds, more elements of the seeds that pass, and all elements of the
best, whose noise the RNG algorithm itself draws. ``CascadePlan.compute_miss_probability`` gives the
share of true seeds that this loses.

Several w, of several prompts or images, form queries that are scored together: the cost is in
a seed's noise, which is the same for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.stats import norm
from tqdm import tqdm

from seedwitness.errors import ConfigError
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.cores import count_available_cores
from seedwitness.runtime.devices import device_kind
from seedwitness.runtime.environment import package_versions
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import digest
from seedwitness.runtime.keyed_cache import describe_key
from seedwitness.runtime.locks import SharedWork, exclusive_claim
from seedwitness.seeds import draw_sequence
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade import (
    Array,
    CascadePlan,
    CascadeStage,
    has_gpu_kernels,
    select_kernel,
)

logger = logging.getLogger(__name__)

MAX_CANDIDATES = 65_536
"""Largest number of seeds per query whose scores are computed on all elements."""

PART_SIZE, CHUNK_SIZE = 2**26, 2**20
"""Seeds per cached part, and per task of a thread."""


@dataclass(frozen=True)
class SeedCandidates:
    """The best seeds of one query, best first, with exact scores, and the number of all seeds."""

    seeds: Array
    scores: Array
    seed_count: int

    def compute_family_wise_p(self, scans: int = 1) -> Array:
        """Compute Bonferroni's family-wise p of each seed, over all seeds of ``scans`` scans."""
        return compute_family_wise_p(self.scores, self.seed_count * scans)


def compute_family_wise_p(scores: Array, test_count: int) -> Array:
    """Compute Bonferroni's p of scores over ``test_count`` tests: at most 1, at least 2.2e-308."""
    p_values: Array = np.clip(norm.sf(scores) * test_count, np.finfo(np.float64).tiny, 1.0)
    return p_values


def scan_range(
    plan: CascadePlan,
    shape: tuple[int, ...],
    first: int = 0,
    end: int = SEED_COUNT,
    *,
    cache_folder: Path,
    workers: int = 0,
    bar: tqdm[Any] | None = None,
) -> list[SeedCandidates]:
    """Scan seeds from ``first`` up to ``end``; return the best seeds of each query.

    Finished parts in ``cache_folder`` are read instead of computed, and parts that another process
    is computing are awaited. The result depends neither on that nor on ``workers`` (threads; 0 for
    one per available core). ``bar`` is updated by the seeds of each part. Raises ConfigError for an
    invalid range.
    """
    if not 0 <= first < end <= SEED_COUNT:
        raise ConfigError(f"FROM:TO must be within the seeds 0:{SEED_COUNT}, not {first}:{end}.")
    best = [(np.empty(0, np.uint32), np.empty(0, np.float32)) for _ in plan.weights]
    with ThreadPoolExecutor(workers or count_available_cores()) as pool:
        for start, stop, part in _iter_parts(
            plan, list(split_range(first, end)), cache_folder, pool
        ):
            for query, previous in enumerate(best):
                is_query = part["queries"] == query
                best[query] = _select_best(
                    np.concatenate([previous[0], part["seeds"][is_query]]),
                    np.concatenate([previous[1], part["scores"][is_query]]),
                )
            if bar is not None:
                bar.update(stop - start)
    candidates = []
    exact_scores = compute_exact_scores(plan, best, shape)
    for (seeds, _), scores in zip(best, exact_scores, strict=True):
        order = np.lexsort((seeds, -scores))
        candidates.append(SeedCandidates(seeds[order], scores[order], end - first))
    return candidates


def make_cache_key(plan: CascadePlan) -> str:
    """Digest everything that decides the content of a part, so that no other result is served."""
    return digest(describe_plan(plan))[:32]


def describe_plan(plan: CascadePlan) -> dict[str, Any]:
    """Everything that decides the content of a part: the plan, code, libraries and device.

    The libraries are those that compile and run the kernels.
    """
    on_gpu = has_gpu_kernels()
    packages = ("numba", "llvmlite", "numpy", *(("triton", "torch") if on_gpu else ()))
    return {
        "code_sha256": hash_code("seedwitness.seedscan.scan"),
        "libraries": package_versions(packages),
        "device": device_kind(torch.device("cuda" if on_gpu else "cpu")),
        "rng": plan.rng,
        "first_draw": plan.first_draw,
        "draw_size": plan.draw_size,
        "stages": [
            [stage.threshold, sha256(plan.number_elements(stage).tobytes()).hexdigest()]
            for stage in plan.stages
        ],
        "queries": len(plan.weights),
        "weights_sha256": sha256(plan.weights.tobytes()).hexdigest(),
    }


def _iter_parts(
    plan: CascadePlan, ranges: list[tuple[int, int]], cache_folder: Path, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, int, dict[str, Array]]]:
    """Yield each part as soon as it is finished, by this process or by another."""
    folder = cache_folder / make_cache_key(plan)
    describe_key(folder, describe_plan(plan))

    work = SharedWork(ranges)
    for start, stop in work:
        path = folder / f"{start:010d}-{stop:010d}.safetensors"
        part = _read_part(path)
        if part is None:
            with exclusive_claim(path) as ours:
                if not ours:
                    work.postpone((start, stop))
                    continue
                part = _read_part(path)
                if part is None:
                    part = _scan_part(plan, start, stop, pool)
                    with replace_whole(path) as partial_path:
                        save_file(part, partial_path)
        yield start, stop, part


def _read_part(path: Path) -> dict[str, Array] | None:
    """Read a finished part; None if it does not exist or is damaged, which is logged."""
    if not path.exists():
        return None
    try:
        part: dict[str, Array] = load_file(path)
    except (SafetensorError, OSError) as error:
        logger.warning("%s is damaged (%s): its seeds are scanned again.", path, error)
        return None
    return part


def _select_best(seeds: Array, scores: Array) -> tuple[Array, Array]:
    order = np.lexsort((seeds, -scores))[:MAX_CANDIDATES]
    return seeds[order], scores[order]


def split_range(first: int, end: int) -> Iterator[tuple[int, int]]:
    """Split a range at multiples of PART_SIZE, so that overlapping ranges share their parts."""
    start = first
    while start < end:
        stop = min(end, (start // PART_SIZE + 1) * PART_SIZE)
        yield start, stop
        start = stop


def compute_exact_scores(
    plan: CascadePlan, candidates: Sequence[tuple[Array, Array]], shape: tuple[int, ...]
) -> list[Array]:
    """Compute the scores of each query's candidates on all elements of their noise, in float64."""
    rows = torch.from_numpy(plan.weights).double()  # [q, n]

    def score(seed: int, row: torch.Tensor) -> float:
        noise = draw_sequence(plan.rng, seed, plan.first_draw, plan.draw_count, shape)
        return float(noise.flatten().double() @ row)

    return [
        np.array([score(seed, row) for seed in seeds.tolist()], np.float64)
        for row, (seeds, _) in zip(rows, candidates, strict=True)
    ]


def _scan_part(
    plan: CascadePlan, start: int, stop: int, pool: ThreadPoolExecutor
) -> dict[str, Array]:
    chunks = [(at, min(at + CHUNK_SIZE, stop)) for at in range(start, stop, CHUNK_SIZE)]
    results = list(pool.map(lambda chunk: scan_chunk(plan, *chunk), chunks))
    seeds, queries, scores = (np.concatenate(column) for column in zip(*results, strict=True))
    kept_rows = []
    for query in range(len(plan.weights)):
        query_rows = np.flatnonzero(queries == query)
        # More seeds of one part cannot be among the best of all.
        kept_rows.append(
            query_rows[np.lexsort((seeds[query_rows], -scores[query_rows]))[:MAX_CANDIDATES]]
        )
    rows = np.concatenate(kept_rows)
    return {"seeds": seeds[rows], "queries": queries[rows], "scores": scores[rows]}


def scan_chunk(plan: CascadePlan, start: int, stop: int) -> tuple[Array, Array, Array]:
    """Return the seeds that pass all stages of a query, the query, and the last stage's scores."""
    all_seeds = np.arange(start, stop, dtype=np.uint64).astype(np.uint32)
    first, *later_stages = plan.stages
    seeds, queries, scores = _run_stage(plan, all_seeds, first)
    for stage in later_stages:
        results = []
        for query in range(len(plan.weights)):
            passed_seeds = seeds[queries == query]
            seeds_again, _, new_scores = _run_stage(
                plan, passed_seeds, stage, slice(query, query + 1)
            )
            results.append((seeds_again, np.full(len(seeds_again), query, np.uint32), new_scores))
        seeds, queries, scores = (np.concatenate(column) for column in zip(*results, strict=True))
    return seeds, queries, scores


def _run_stage(
    plan: CascadePlan, seed_batch: Array, stage: CascadeStage, query_slice: slice = slice(None)
) -> tuple[Array, Array, Array]:
    weights = plan.select_weights(stage.elements)[query_slice]
    elements = plan.number_elements(stage)
    kernel = select_kernel(plan.rng, elements)
    capacity = len(seed_batch)
    while True:
        seeds, queries = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
        scores = np.empty(capacity, np.float32)
        count = kernel(seed_batch, elements, weights, stage.threshold, seeds, queries, scores)
        if count <= capacity:
            return seeds[:count], queries[:count], scores[:count]
        capacity = count
