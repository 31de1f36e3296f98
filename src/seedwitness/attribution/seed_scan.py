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
from seedwitness.seedscan.cascade import MT19937_ALGORITHMS
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


@dataclass(frozen=True)
class ScanResult:
    """What was found: the best seeds, what each kind of look could have detected, cache keys."""

    z_needed: float
    seeds: list[SeedCandidate] = field(default_factory=list)
    looks: list[LookResult] = field(default_factory=list)
    keys: frozenset[str] = frozenset()


@dataclass
class _Found:
    """The best look at each noise: its z and correlation; the keys of the scans."""

    best: dict[Noise, tuple[float, float, Look]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def enter(self, noise: Noise, z: float, elements: int, look: Look) -> None:
        """Keep a score if it is the highest of its noise."""
        if noise not in self.best or z > self.best[noise][0]:
            self.best[noise] = (z, z / elements**0.5, look)


@dataclass(frozen=True)
class _Pass:
    """One scan of seeds: looks whose weights are scored together, by an RNG algorithm, from a draw
    of its generators on."""

    looks: tuple[int, ...]
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
    settings: ScanSettings,
    claimed: Sequence[int] = (),
    *,
    ledger: Path = DEFAULT_ROOT,
) -> ScanResult:
    """Find the seeds whose noise correlates most with the weights of any look.

    ``kinds`` lists the looks that are made together; they are made only if those before them
    recovered no seed, and all count in p. ``compute_weights`` gives their weights, by look, draw
    and element: [q, draws, c, h, w]. A seed is listed once for
    each RNG algorithm and draw, with the look of the highest z. ``claimed`` seeds are scored even
    outside of the range, and always listed, after the best. torch's CPU generator takes seeds
    beyond 2^32, which ComfyUI draws, modulo 2^32. Raises ConfigError for a range outside of the
    seed space.
    """
    claims = {name: _claimed_seeds(claimed, name) for name in settings.rng_algorithms}
    tests = sum(_count_tests(looks, settings, claims) for looks in kinds)
    z_needed = float(norm.isf(settings.alpha / tests))
    found, results = _Found(), []
    for looks in kinds:
        detectable, elements = None, 0
        if not any(z >= z_needed for z, _, _ in found.best.values()):
            weights = compute_weights(looks)
            rows = weights.reshape(len(weights), -1)
            if rows.any():
                elements = rows.shape[1]
                detectable = max(
                    _scan(
                        each,
                        looks,
                        rows,
                        weights.shape[2:],
                        settings,
                        claims,
                        z_needed,
                        found,
                        ledger,
                    )
                    for each in _list_passes(looks, settings)
                )
        results.append(
            LookResult(
                looks=list(looks),
                end_seed=_find_end(looks, settings),
                elements=elements,
                detectable_correlation=detectable,
            )
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
            recovered=z >= z_needed,
            claimed=seed in claims[name],
        )
        for (seed, name, draw), (z, correlation, look) in found.best.items()
    ]
    seeds.sort(key=lambda row: (-row.z, row.rng, row.batch_index, row.seed))
    further = [row for row in seeds[settings.top_k :] if row.claimed]
    return ScanResult(
        z_needed, [*seeds[: settings.top_k], *further], results, frozenset(found.keys)
    )


def _find_end(looks: Sequence[Look], settings: ScanSettings) -> int:
    """The end of the seeds that looks are made for: some cost a hundred times as much as others."""
    if looks[0].placement is not None and looks[0].placement.is_approximate:
        return min(settings.end_seed, settings.first_seed + settings.anywhere_seeds)
    if looks[0].kind == "step-noise":
        return min(settings.end_seed, settings.first_seed + settings.step_seeds)
    return settings.end_seed


def _count_tests(looks: Sequence[Look], settings: ScanSettings, claims: dict[str, Array]) -> int:
    """The number of scores of looks that are made together."""
    end = _find_end(looks, settings)
    outside = {
        seed
        for seeds in claims.values()
        for seed in seeds.tolist()
        if not settings.first_seed <= seed < end
    }
    return sum(
        (end - settings.first_seed + len(outside)) * len(each.looks)
        for each in _list_passes(looks, settings)
    )


def _list_passes(looks: Sequence[Look], settings: ScanSettings) -> list[_Pass]:
    """The scans for looks of one kind.

    Later images of a batch have a draw of their own only where tools share a generator, and step
    noise is looked for in the first image only. Its weights differ so much from look to look that
    each is scanned for alone; the others share the noise of a seed.
    """
    is_step_noise = looks[0].kind == "step-noise"
    together = range(len(looks))
    return [
        _Pass(tuple(group), name, draw)
        for name in settings.rng_algorithms
        for draw in range(settings.draws if name in MT19937_ALGORITHMS and not is_step_noise else 1)
        for group in ([[number] for number in together] if is_step_noise else [together])
    ]


def _scan(
    each: _Pass,
    looks: Sequence[Look],
    rows: Array,
    shape: tuple[int, ...],
    settings: ScanSettings,
    claims: dict[str, Array],
    z_needed: float,
    found: _Found,
    ledger: Path,
) -> float:
    """Enter into ``found`` what one scan finds; gives the correlation that it detects."""
    size = int(np.prod(shape))
    weights = rows[list(each.looks)]
    draws = np.flatnonzero(weights.any(0))[-1] // size + 1  # a look needs no later ones
    weights = weights[:, : draws * size]
    cascade = plan_cascade(
        weights, each.rng, settings.min_z, draw_size=size, first_draw=each.first_draw
    )
    found.keys.add(f"{SCANS}/{make_cache_key(cascade)}")
    first, end = settings.first_seed, _find_end(looks, settings)
    with tqdm(
        total=end - first,
        unit=" seeds",
        unit_scale=True,
        disable=None,
        desc=f"{looks[0].kind}, {each.rng}",
    ) as bar:
        candidates = scan_range(cascade, shape, first, end, cache_folder=ledger / SCANS, bar=bar)
    claim = claims[each.rng]
    claim_scores = compute_exact_scores(cascade, [(claim, claim)] * len(weights), shape)
    for number, ranked, scores in zip(each.looks, candidates, claim_scores, strict=True):
        best = slice(settings.top_k)  # no other of this look can be among the best
        seeds = np.concatenate([ranked.seeds[best], claim]).tolist()
        for seed, z in zip(seeds, [*ranked.scores[best], *scores], strict=True):
            noise = seed, each.rng, each.first_draw
            found.enter(noise, float(z), weights.shape[1], looks[number])
    return cascade.compute_detectable_correlation(z_needed)


def _claimed_seeds(claimed: Sequence[int], rng_algorithm: str) -> Array:
    """The 32-bit seeds that an RNG algorithm uses for claimed ones."""
    modulo = rng_algorithm in MT19937_ALGORITHMS
    seeds = [seed % SEED_COUNT if modulo else seed for seed in claimed if seed >= 0]
    array: Array = np.array(sorted({seed for seed in seeds if seed < SEED_COUNT}), np.uint32)
    return array
