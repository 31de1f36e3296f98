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
from seedwitness.seeds.torch_cpu import SEEDS
from seedwitness.seedscan.cascade import KERNELS, OF_MT19937, plan_cascade
from seedwitness.seedscan.scan import exact, family_wise, scan_range

LARGEST = 4
"""How many times the checkpoint's own size a picture may have: memory grows with it."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ScanResult:
    """What the scan of one picture came to: the best seeds, and how good one would have to be."""

    seeds: list[SeedCandidate]
    elements: int
    z_needed: float
    detectable_correlation: float


def check_scan_settings(settings: ScanSettings) -> None:
    """Raise ConfigError where the settings name something unknown; it costs no time."""
    for name in settings.rng_algorithms:
        if name not in KERNELS:
            raise ConfigError(
                f"scan.protocols: `{name}` cannot be scanned.{suggest_names(name, KERNELS)}"
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
    return settings.draws if protocol in OF_MT19937 else 1


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


def _taken(claimed: Sequence[int], protocol: str) -> Array:
    """The seeds of 32 bits that a protocol makes of those that are claimed; others it has not."""
    taken = [seed % SEEDS if protocol in OF_MT19937 else seed for seed in claimed if seed >= 0]
    found: Array = np.array(sorted({seed for seed in taken if seed < SEEDS}), np.uint32)
    return found


def scan_seeds(
    rows: Array,
    shape: tuple[int, ...],
    asked: Sequence[Inversion],
    settings: ScanSettings,
    claimed: Sequence[int] = (),
    *,
    ledger: Path = DEFAULT_ROOT,
) -> ScanResult:
    """The seeds whose noise of ``shape`` correlates most with any of ``rows`` [q, n].

    A seed is named once by each protocol and draw, with the inversion that speaks most for it.
    Seeds that are ``claimed`` are looked at wherever they lie, and always named, after the best;
    those beyond 2^32, which ComfyUI draws, by torch's CPU generator, which takes them modulo 2^32.
    Raises ConfigError as ``seeds.scan.scan`` does.
    """
    check_scan_settings(settings)
    said = {name: _taken(claimed, name) for name in settings.rng_algorithms}
    every = {seed for own in said.values() for seed in own.tolist()}
    beyond = [seed for seed in every if not settings.first_seed <= seed < settings.end_seed]
    tried = settings.end_seed - settings.first_seed + len(beyond)
    passes = [
        (name, draw) for name in settings.rng_algorithms for draw in range(draws_of(name, settings))
    ]
    tests = tried * len(passes) * len(rows)
    z_needed = float(norm.isf(settings.alpha / tests))
    best: dict[tuple[int, str, int], tuple[float, Inversion]] = {}
    seen = 0.0
    with tqdm(
        total=(settings.end_seed - settings.first_seed) * len(passes),
        unit=" seeds",
        unit_scale=True,
        disable=None,
    ) as bar:
        for protocol, draw in passes:
            bar.set_description(protocol)
            own = said[protocol]
            planned = plan_cascade(rows, protocol, settings.min_correlation, draw)
            seen = max(seen, planned.seen(z_needed))
            found = scan_range(
                planned,
                shape,
                settings.first_seed,
                settings.end_seed,
                ledger=ledger / "scans",
                report=lambda seeds, _: bar.update(seeds),
            )
            stated = exact(planned, [(own, own)] * len(rows), shape)
            for inversion, candidates, z in zip(asked, found, stated, strict=True):
                first = slice(settings.top_k)  # no other of this inversion can be among the best
                seeds = np.concatenate([candidates.seeds[first], own]).tolist()
                for seed, score in zip(seeds, [*candidates.z[first], *z], strict=True):
                    noise = seed, protocol, draw
                    if score > best.get(noise, (-np.inf, inversion))[0]:
                        best[noise] = (float(score), inversion)
    named = [
        SeedCandidate(
            seed=seed,
            rng=protocol,
            batch_index=draw,
            inversion=inversion,
            z=z,
            p=float(family_wise(np.array(z), tests)),
            correlation=min(1.0, z / rows.shape[1] ** 0.5),
            recovered=z >= z_needed,
            claimed=seed in said[protocol],
        )
        for (seed, protocol, draw), (z, inversion) in best.items()
    ]
    named.sort(key=lambda each: (-each.z, each.rng, each.batch_index, each.seed))
    others = [each for each in named[settings.top_k :] if each.claimed]
    return ScanResult([*named[: settings.top_k], *others], rows.shape[1], z_needed, seen)
