"""Attributes an image to a checkpoint: scans the seed space, and fits the recipe of the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from seedwitness.attribution import seed_scan
from seedwitness.attribution.recipe_fitting import can_take_steps, fit_recipe
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings, SearchSettings
from seedwitness.engine.latent_cache import DEFAULT_ROOT
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import SeedCandidate, SeedScan
from seedwitness.records.target import Claim

MAX_GUIDANCE, MAX_STEPS, MAX_NEGATIVES = 50.0, 200, 2
"""Limits of claimed values to try: metadata are easily forged, and a search takes long."""


@dataclass(frozen=True)
class Attribution:
    """The scan, the image of the recovered seed or None, and the cache keys that were used."""

    scan: SeedScan
    picture: Image.Image | None
    keys: frozenset[str]


def attribute_to_seed(
    loaded: LoadedCheckpoint,
    name: str,
    picture: Image.Image,
    prompts: Sequence[str],
    claims: Sequence[Claim],
    settings: ScanSettings,
    search: SearchSettings,
    *,
    ledger: Path = DEFAULT_ROOT,
) -> Attribution:
    """Scan the seed space for ``picture``, and fit the recipe if a seed was recovered.

    ``prompts`` are the prompt candidates, best first. ``claims`` are not trusted: they only add
    seeds, guidance, steps and negative prompts to try, if these are possible at all. An image of a
    size that the checkpoint cannot make is not scanned; ``obstacle`` gives the reason.
    """
    guidance = _find_claimed_guidance(claims)
    inversions = seed_scan.plan_inversions(prompts, settings, guidance)
    obstacle = seed_scan.find_scan_obstacle(loaded, *picture.size)
    seeds: list[SeedCandidate] = []
    elements, z_needed, detectable = 0, float("inf"), 1.0
    keys: frozenset[str] = frozenset()
    if obstacle is None:
        shape = loaded.latent_shape(*picture.size)
        rows = seed_scan.invert_image(loaded, picture, inversions, settings)
        claimed_seeds = [claim.seed for claim in claims if claim.seed is not None]
        result = seed_scan.scan_seeds(
            rows, shape, inversions, settings, claimed_seeds, ledger=ledger
        )
        seeds, elements = result.seeds, result.elements
        z_needed, detectable = result.z_needed, result.detectable_correlation
        keys = result.keys
    fitted = None
    if seeds and seeds[0].recovered:
        start = _make_start_recipe(loaded, picture, seeds[0], claims, search)
        claimed = [claim.negative_prompt for claim in claims if claim.negative_prompt]
        negatives = [search.negative_prompt, *dict.fromkeys(claimed)][: 1 + MAX_NEGATIVES]
        fitted = fit_recipe(
            loaded, picture, start, prompts, negatives, settings.recipe_fit, search, ledger
        )
    scan = SeedScan(
        target=name,
        checkpoint=loaded.checkpoint.name,
        checkpoint_sha256=loaded.checkpoint.sha256,
        obstacle=obstacle,
        rng_algorithms=settings.rng_algorithms,
        first_seed=settings.first_seed,
        end_seed=settings.end_seed,
        draws=settings.draws,
        inversions=inversions,
        steps=settings.steps,
        rounds=settings.fixed_point_rounds,
        elements=elements,
        alpha=settings.alpha,
        z_needed=z_needed if elements else None,
        detectable_correlation=detectable,
        seeds=seeds,
        regenerated=fitted.regenerated if fitted else None,
    )
    keys |= fitted.keys if fitted else frozenset()
    return Attribution(scan, fitted.picture if fitted else None, keys)


def _find_claimed_guidance(claims: Sequence[Claim]) -> float | None:
    """The first claimed guidance that is possible; None if there is none."""
    claimed = (claim.guidance for claim in claims if claim.guidance is not None)
    return next((guidance for guidance in claimed if 0 <= guidance <= MAX_GUIDANCE), None)


def _make_start_recipe(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    seed: SeedCandidate,
    claims: Sequence[Claim],
    search: SearchSettings,
) -> Recipe:
    """The recipe that fitting starts from: the seed, the search settings, and claimed values."""
    guidance = _find_claimed_guidance(claims)
    claimed = (claim.steps for claim in claims if claim.steps is not None)
    possible = (n for n in claimed if 0 < n <= MAX_STEPS and can_take_steps(loaded, n))
    return Recipe(
        prompt=seed.inversion.prompt,
        seed=seed.seed,
        width=picture.width,
        height=picture.height,
        sampler=search.sampler,
        steps=next(possible, search.steps),
        guidance=search.guidance if guidance is None else guidance,
        negative_prompt=search.negative_prompt,
        rng=seed.rng,
        batch_index=seed.batch_index,
        dtype=loaded.checkpoint.dtype,
    )
