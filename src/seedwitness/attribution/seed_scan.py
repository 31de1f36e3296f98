"""Which seed was a picture made from? Its inversions, held against the noise of every seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.stats import norm
from tqdm import tqdm

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.reading import suggest_names
from seedwitness.config.steps import ScanSettings
from seedwitness.engine.inversion import invert
from seedwitness.engine.latent_cache import DEFAULT_ROOT
from seedwitness.engine.sampling import embed_each, encode_pictures
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.records.seed_scan import Inversion, SeedCandidate
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade import KERNELS, MT19937_ALGORITHMS, plan_cascade
from seedwitness.seedscan.scan import (
    compute_exact_scores,
    compute_family_wise_p,
    make_cache_key,
    scan_range,
)

LARGEST = 4
"""How many times the checkpoint's own size a picture may have: memory grows with it."""

Array = np.ndarray[Any, Any]
Noise = tuple[int, str, int]
"""What noise is drawn by: seed, RNG algorithm, and the number of the draw."""

SCANS = "scans"
"""The group of the cache that holds parts of scans."""


@dataclass(frozen=True)
class ScanResult:
    """The best seeds of a scan, what z a seed needs, and what correlation would be detected.

    ``detectable_correlation`` is detected with a chance of 95 %; ``keys`` are those of the cache.
    """

    seeds: list[SeedCandidate]
    elements: int
    z_needed: float
    detectable_correlation: float
    keys: frozenset[str]


def check_scan_settings(settings: ScanSettings) -> None:
    """Raise ConfigError where the settings name something unknown; it costs no time."""
    for name in settings.rng_algorithms:
        if name not in KERNELS:
            raise ConfigError(
                f"scan.rng_algorithms: `{name}` cannot be scanned.{suggest_names(name, KERNELS)}"
            )


def reason_not_to_scan(loaded: LoadedCheckpoint, width: int, height: int) -> str:
    """Why a picture of this size is not scanned: the checkpoint cannot have made it. Or nothing."""
    own = loaded.checkpoint.width * loaded.checkpoint.height
    if width * height > LARGEST * own:
        return (
            f"The target has {width} × {height} pixels, more than {LARGEST} times what "
            f"{loaded.checkpoint.name} makes ({loaded.checkpoint.width} × "
            f"{loaded.checkpoint.height})."
        )
    try:
        loaded.latent_shape(width, height)
    except ConfigError:
        return (
            f"{loaded.checkpoint.name} makes no pictures of {width} × {height} pixels: if it made "
            "the target, that was cropped or resized since, and noise that was resized is no "
            "seed's any more."
        )
    return ""


def draws_of(protocol: str, settings: ScanSettings) -> int:
    """How many draws of a generator are looked at: more than one where tools share it in a batch.

    By other protocols each picture of a batch has a seed of its own.
    """
    return settings.draws if protocol in MT19937_ALGORITHMS else 1


def plan_inversions(
    prompts: Sequence[str], settings: ScanSettings, claimed: float | None = None
) -> list[Inversion]:
    """What to invert under: the empty prompt and the first candidates, at guidance 1.

    Where a guidance is ``claimed``, the candidates at that too.
    """
    chosen = [each for each in dict.fromkeys(prompts) if each.strip()][: settings.prompts]
    found = [Inversion(prompt=each, guidance=1.0) for each in ["", *chosen]]
    if claimed is not None and claimed != 1:
        found += [Inversion(prompt=each, guidance=claimed) for each in chosen]
    return found


def invert_image(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    asked: Sequence[Inversion],
    settings: ScanSettings,
) -> Array:
    """The noise that each inversion leaves of ``picture``, in the order of the noise: [q, n].

    The picture is encoded by the checkpoint's own autoencoder, as it is. Raises ConfigError for a
    size that the checkpoint cannot make, CheckpointError where what comes out is no number.
    """
    loaded.latent_shape(*picture.size)
    pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None]
    latents = encode_pictures(loaded.pipeline, pixels)
    rows: list[torch.Tensor] = []
    for guidance, group in groupby(asked, key=lambda each: each.guidance):
        prompts = [each.prompt for each in group]  # go through the denoiser together
        rows += invert(
            loaded.pipeline,
            embed_each(loaded.pipeline, prompts),
            latents.expand(len(prompts), -1, -1, -1),
            num_inference_steps=settings.steps,
            guidance_scale=guidance,
            rounds=settings.fixed_point_rounds,
        ).flatten(1)
    found: Array = torch.stack(rows).numpy()
    if not np.isfinite(found).all():
        raise CheckpointError(
            f"{loaded.checkpoint.name} inverts the target to what is no finite number in "
            f"{loaded.settings.dtype}: set its `dtype` to float32."
        )
    return found


def scan_seeds(
    rows: Array,
    shape: tuple[int, ...],
    inversions: Sequence[Inversion],
    settings: ScanSettings,
    claimed: Sequence[int] = (),
    *,
    ledger: Path = DEFAULT_ROOT,
) -> ScanResult:
    """The seeds whose noise of ``shape`` correlates most with any row of ``rows`` [q, n].

    Each row is what one of ``inversions`` left of the image. A seed is listed once for each RNG algorithm and draw, with the inversion of the highest z.
    ``claimed`` seeds are scored wherever they lie, and always listed, after the best; torch's CPU
    generator takes seeds beyond 2^32, which ComfyUI draws, modulo 2^32. Raises ConfigError for a
    range outside of the seed space.
    """
    check_scan_settings(settings)
    claims = {name: _claimed_seeds(claimed, name) for name in settings.rng_algorithms}
    outside = {
        seed
        for seeds in claims.values()
        for seed in seeds.tolist()
        if not settings.first_seed <= seed < settings.end_seed
    }
    passes = [
        (name, draw) for name in settings.rng_algorithms for draw in range(draws_of(name, settings))
    ]
    seeds_scored = settings.end_seed - settings.first_seed + len(outside)
    tests = seeds_scored * len(passes) * len(rows)
    z_needed = float(norm.isf(settings.alpha / tests))
    best: dict[Noise, tuple[float, Inversion]] = {}
    detectable, keys = 0.0, set()
    with tqdm(
        total=(settings.end_seed - settings.first_seed) * len(passes),
        unit=" seeds",
        unit_scale=True,
        disable=None,
    ) as bar:
        for name, draw in passes:
            bar.set_description(name)
            cascade = plan_cascade(rows, name, settings.min_correlation, draw)
            keys.add(f"{SCANS}/{make_cache_key(cascade)}")
            detectable = max(detectable, cascade.compute_detectable_correlation(z_needed))
            candidates = scan_range(
                cascade,
                shape,
                settings.first_seed,
                settings.end_seed,
                cache_folder=ledger / SCANS,
                report=lambda seeds, _: bar.update(seeds),
            )
            claim = claims[name]
            claim_scores = compute_exact_scores(cascade, [(claim, claim)] * len(rows), shape)
            for inversion, ranked, scores in zip(inversions, candidates, claim_scores, strict=True):
                first = slice(settings.top_k)  # no other of this inversion can be among the best
                seeds = np.concatenate([ranked.seeds[first], claim]).tolist()
                for seed, z in zip(seeds, [*ranked.scores[first], *scores], strict=True):
                    noise = seed, name, draw
                    if z > best.get(noise, (-np.inf, inversion))[0]:
                        best[noise] = (float(z), inversion)
    seeds = [
        SeedCandidate(
            seed=seed,
            rng=name,
            batch_index=draw,
            inversion=inversion,
            z=z,
            p=float(compute_family_wise_p(np.array(z), tests)),
            correlation=min(1.0, z / rows.shape[1] ** 0.5),
            recovered=z >= z_needed,
            claimed=seed in claims[name],
        )
        for (seed, name, draw), (z, inversion) in best.items()
    ]
    seeds.sort(key=lambda row: (-row.z, row.rng, row.batch_index, row.seed))
    further = [row for row in seeds[settings.top_k :] if row.claimed]
    return ScanResult(
        seeds=[*seeds[: settings.top_k], *further],
        elements=rows.shape[1],
        z_needed=z_needed,
        detectable_correlation=detectable,
        keys=frozenset(keys),
    )


def _claimed_seeds(claimed: Sequence[int], rng_algorithm: str) -> Array:
    """The 32-bit seeds that an RNG algorithm makes of claimed ones; it has no others."""
    modulo = rng_algorithm in MT19937_ALGORITHMS
    seeds = [seed % SEED_COUNT if modulo else seed for seed in claimed if seed >= 0]
    array: Array = np.array(sorted({seed for seed in seeds if seed < SEED_COUNT}), np.uint32)
    return array
