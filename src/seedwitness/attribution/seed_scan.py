"""Seed scan: correlates inversions of an image with the noise of every seed."""

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
from seedwitness.engine.sampling import embed_prompts_separately, encode_pictures
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.records.seed_scan import Inversion, SeedCandidate
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade import KERNELS, MT19937_ALGORITHMS, plan_cascade
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
    """The best seeds of a scan, the z that a seed needs, and the detectable correlation.

    ``detectable_correlation`` is detected with a probability of 95 %; ``keys`` are cache keys.
    """

    seeds: list[SeedCandidate]
    elements: int
    z_needed: float
    detectable_correlation: float
    keys: frozenset[str]


def check_scan_settings(settings: ScanSettings) -> None:
    """Raise ConfigError if the settings name an unknown RNG algorithm; nothing is computed."""
    for name in settings.rng_algorithms:
        if name not in KERNELS:
            raise ConfigError(
                f"scan.rng_algorithms: `{name}` cannot be scanned.{suggest_names(name, KERNELS)}"
            )


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


def count_draws(rng_algorithm: str, settings: ScanSettings) -> int:
    """The number of draws of a generator to scan.

    It is more than one for an RNG algorithm whose generator tools share in a batch. With the others
    each image of a batch has its own seed.
    """
    return settings.draws if rng_algorithm in MT19937_ALGORITHMS else 1


def plan_inversions(
    prompts: Sequence[str], settings: ScanSettings, claimed_guidance: float | None = None
) -> list[Inversion]:
    """The inversions of a scan: the empty prompt and the first candidates, at guidance 1.

    With a claimed guidance, the candidates at that guidance are added.
    """
    candidates = [prompt for prompt in dict.fromkeys(prompts) if prompt.strip()][: settings.prompts]
    inversions = [Inversion(prompt=prompt, guidance=1.0) for prompt in ["", *candidates]]
    if claimed_guidance is not None and claimed_guidance != 1:
        inversions += [Inversion(prompt=prompt, guidance=claimed_guidance) for prompt in candidates]
    return inversions


def invert_image(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    inversions: Sequence[Inversion],
    settings: ScanSettings,
) -> Array:
    """The inverted noise of ``picture``, one row for each inversion: [q, n] in the noise's order.

    The image is encoded by the checkpoint's own autoencoder at its own size. Raises ConfigError for
    a size that the checkpoint cannot make, CheckpointError if the noise is not finite.
    """
    loaded.latent_shape(*picture.size)
    pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None]
    latents = encode_pictures(loaded.pipeline, pixels)
    rows: list[torch.Tensor] = []
    for guidance, group in groupby(inversions, key=lambda inversion: inversion.guidance):
        prompts = [inversion.prompt for inversion in group]  # one batch
        rows += invert(
            loaded.pipeline,
            embed_prompts_separately(loaded.pipeline, prompts),
            latents.expand(len(prompts), -1, -1, -1),
            num_inference_steps=settings.steps,
            guidance_scale=guidance,
            rounds=settings.fixed_point_rounds,
        ).flatten(1)
    noise: Array = torch.stack(rows).numpy()
    if not np.isfinite(noise).all():
        raise CheckpointError(
            f"{loaded.checkpoint.name} inverts the target to numbers that are not finite in "
            f"{loaded.settings.dtype}: set its `dtype` to float32."
        )
    return noise


def scan_seeds(
    rows: Array,
    shape: tuple[int, ...],
    inversions: Sequence[Inversion],
    settings: ScanSettings,
    claimed: Sequence[int] = (),
    *,
    ledger: Path = DEFAULT_ROOT,
) -> ScanResult:
    """Find the seeds whose noise of ``shape`` correlates most with any row of ``rows`` [q, n].

    Each row is the noise of one of ``inversions``. A seed is listed once for each RNG algorithm and
    draw, with the inversion of the highest z. ``claimed`` seeds are scored even outside of the
    range, and always listed, after the best. torch's CPU generator takes seeds beyond 2^32, which
    ComfyUI draws, modulo 2^32. Raises ConfigError for a range outside of the seed space.
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
        (name, draw)
        for name in settings.rng_algorithms
        for draw in range(count_draws(name, settings))
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
                bar=bar,
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
    """The 32-bit seeds that an RNG algorithm uses for claimed ones."""
    modulo = rng_algorithm in MT19937_ALGORITHMS
    seeds = [seed % SEED_COUNT if modulo else seed for seed in claimed if seed >= 0]
    array: Array = np.array(sorted({seed for seed in seeds if seed < SEED_COUNT}), np.uint32)
    return array
