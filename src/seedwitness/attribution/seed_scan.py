"""Seed scan: correlates the weights of looks at an image with the noise of every seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm
from tqdm import tqdm

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings
from seedwitness.engine.latent_cache import DEFAULT_ROOT
from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.records.seed_scan import Look, LookResult, SeedCandidate
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade import MT19937_ALGORITHMS, CascadePlan
from seedwitness.seedscan.cascade_planning import plan_cascade
from seedwitness.seedscan.scan import (
    compute_exact_scores,
    compute_family_wise_p,
    make_cache_key,
    scan_range,
)

MAX_AREA_RATIO = 4
"""Largest area of a scanned image, relative to the checkpoint's own size: memory grows with it."""

Array = np.ndarray[Any, Any]
Noise = tuple[int, str, int]
"""The identity of a noise: seed, RNG algorithm, and number of the draw."""

SCANS = "scans"
"""The group of cache keys that hold parts of scans."""


@dataclass
class ScanResult:
    """What was found: the best seeds, what each kind of look could have detected, cache keys."""

    z_needed: float
    seeds: list[SeedCandidate] = field(default_factory=list)
    looks: list[LookResult] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Pass:
    """One scan of the seed space: an RNG algorithm, and the draw from which on it is compared."""

    rng: str
    first_draw: int


def find_scan_obstacle(loaded: LoadedCheckpoint, width: int, height: int) -> Reason | None:
    """The reason why an image of this size (in pixels) cannot be scanned; None if it can."""
    checkpoint = loaded.checkpoint
    target: ReasonValues = {"checkpoint": checkpoint.name, "width": width, "height": height}
    if width * height > MAX_AREA_RATIO * checkpoint.width * checkpoint.height:
        made: ReasonValues = {"made_width": checkpoint.width, "made_height": checkpoint.height}
        return Reason(
            code="target-too-large", values={**target, **made, "max_area_ratio": MAX_AREA_RATIO}
        )
    try:
        loaded.latent_shape(width, height)
    except ConfigError:
        return Reason(code="size-not-made", values=target)
    return None


def scan_seeds(
    kinds: Sequence[Sequence[Look]],
    compute_weights: Callable[[Sequence[Look]], Array],
    shape: tuple[int, ...],
    settings: ScanSettings,
    claimed: Sequence[int] = (),
    *,
    ledger: Path = DEFAULT_ROOT,
) -> ScanResult:
    """Find the seeds whose noise of ``shape`` correlates most with the weights of any look.

    The looks of one kind are scanned together, and the next kind only if no seed was recovered;
    all of them count in p. ``compute_weights`` gives the weights of a kind [q, draws, *shape]. A
    seed is listed once for each RNG algorithm and draw, with the look of the highest z. ``claimed``
    seeds are scored even outside of the range, and always listed, after the best. torch's CPU
    generator takes seeds beyond 2^32, which ComfyUI draws, modulo 2^32. Raises ConfigError for a
    range outside of the seed space.
    """
    claims = {name: _claimed_seeds(claimed, name) for name in settings.rng_algorithms}
    outside = {
        seed
        for seeds in claims.values()
        for seed in seeds.tolist()
        if not settings.first_seed <= seed < settings.end_seed
    }
    seeds_scored = settings.end_seed - settings.first_seed + len(outside)
    scans = sum(len(_list_passes(looks, settings)) * len(looks) for looks in kinds)
    tests = seeds_scored * scans
    result = ScanResult(z_needed=float(norm.isf(settings.alpha / tests)))
    best: dict[Noise, tuple[float, float, Look]] = {}
    for looks in kinds:
        is_needed = not any(z >= result.z_needed for z, _, _ in best.values())
        detectable, elements = None, 0
        if is_needed:
            weights = compute_weights(looks)
            elements = int(np.prod(weights.shape[1:]))
            detectable = _scan_kind(
                looks, weights, shape, settings, claims, ledger=ledger, result=result, best=best
            )
        result.looks.append(
            LookResult(looks=list(looks), elements=elements, detectable_correlation=detectable)
        )
    seeds = [
        SeedCandidate(
            seed=seed,
            rng=name,
            batch_index=draw,
            look=look,
            z=z,
            p=float(compute_family_wise_p(np.array(z), tests)),
            correlation=min(1.0, correlation),
            recovered=z >= result.z_needed,
            claimed=seed in claims[name],
        )
        for (seed, name, draw), (z, correlation, look) in best.items()
    ]
    seeds.sort(key=lambda row: (-row.z, row.rng, row.batch_index, row.seed))
    further = [row for row in seeds[settings.top_k :] if row.claimed]
    result.seeds = [*seeds[: settings.top_k], *further]
    return result


def _list_passes(looks: Sequence[Look], settings: ScanSettings) -> list[_Pass]:
    """The scans of looks of one kind.

    Later images of a batch have a draw of their own only where tools share a generator, and step
    noise is looked for in the first image only.
    """
    return [
        _Pass(name, draw)
        for name in settings.rng_algorithms
        for draw in range(
            settings.draws if name in MT19937_ALGORITHMS and looks[0].kind != "step-noise" else 1
        )
    ]


def _scan_kind(
    looks: Sequence[Look],
    weights: Array,
    shape: tuple[int, ...],
    settings: ScanSettings,
    claims: dict[str, Array],
    *,
    ledger: Path,
    result: ScanResult,
    best: dict[Noise, tuple[float, float, Look]],
) -> float | None:
    """Scan for looks of one kind, and enter what they find in ``result.keys`` and ``best``.

    Returns the correlation that would have been detected; None if the weights are all zero.
    """
    rows = weights.reshape(len(weights), -1)
    if not rows.any():
        return None
    passes = _list_passes(looks, settings)
    detectable = 0.0
    seed_count = settings.end_seed - settings.first_seed
    with tqdm(total=seed_count * len(passes), unit=" seeds", unit_scale=True, disable=None) as bar:
        for each in passes:
            bar.set_description(f"{looks[0].kind}, {each.rng}")
            cascade = plan_cascade(
                rows,
                each.rng,
                settings.min_z,
                draw_size=int(np.prod(shape)),
                first_draw=each.first_draw,
            )
            result.keys.add(f"{SCANS}/{make_cache_key(cascade)}")
            detectable = max(detectable, cascade.compute_detectable_correlation(result.z_needed))
            candidates = scan_range(
                cascade,
                shape,
                settings.first_seed,
                settings.end_seed,
                cache_folder=ledger / SCANS,
                bar=bar,
            )
            claimed = _score_claims(cascade, claims[each.rng], shape)
            for look, ranked, scores in zip(looks, candidates, claimed, strict=True):
                first = slice(settings.top_k)  # no other of this look can be among the best
                seeds = np.concatenate([ranked.seeds[first], claims[each.rng]]).tolist()
                for seed, z in zip(seeds, [*ranked.scores[first], *scores], strict=True):
                    noise = seed, each.rng, each.first_draw
                    if noise not in best or z > best[noise][0]:
                        best[noise] = (float(z), float(z) / rows.shape[1] ** 0.5, look)
    return detectable


def _score_claims(cascade: CascadePlan, claimed: Array, shape: tuple[int, ...]) -> list[Array]:
    return compute_exact_scores(cascade, [(claimed, claimed)] * len(cascade.weights), shape)


def _claimed_seeds(claimed: Sequence[int], rng_algorithm: str) -> Array:
    """The 32-bit seeds that an RNG algorithm uses for claimed ones."""
    modulo = rng_algorithm in MT19937_ALGORITHMS
    seeds = [seed % SEED_COUNT if modulo else seed for seed in claimed if seed >= 0]
    array: Array = np.array(sorted({seed for seed in seeds if seed < SEED_COUNT}), np.uint32)
    return array
