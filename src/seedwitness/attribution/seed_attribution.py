"""Was a picture made by a checkpoint? The seed space scanned, and a seed's recipe fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from seedwitness.attribution import seed_scan
from seedwitness.attribution.recipe_fitting import fit_recipe, takes_steps
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings, SearchSettings
from seedwitness.engine.latent_cache import DEFAULT_ROOT
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import SeedCandidate, SeedScan
from seedwitness.records.target import Claim

MOST_GUIDANCE, MOST_STEPS, MOST_NEGATIVES = 50.0, 200, 2
"""What is claimed beyond these is not tried: metadata are easily forged, and a search is long."""


@dataclass(frozen=True)
class Attribution:
    """The scan, the image of the recovered seed where there is one, and the cache keys used."""

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
    """Scan the seed space for ``picture``, and fit the recipe where a seed was recovered.

    ``prompts`` are the candidates, best first. ``claims`` are believed in nothing: they only say
    which seeds, guidance, steps and negative prompts are tried as well, where these are possible at
    all. A picture of a size that the checkpoint cannot make is not scanned, and the document says
    so.
    """
    guidance = _guidance(claims)
    asked = seed_scan.plan_inversions(prompts, settings, guidance)
    note = seed_scan.reason_not_to_scan(loaded, *picture.size)
    seeds: list[SeedCandidate] = []
    elements, z_needed, seen = 0, float("inf"), 1.0
    keys: frozenset[str] = frozenset()
    if not note:
        shape = loaded.latent_shape(*picture.size)
        rows = seed_scan.invert_image(loaded, picture, asked, settings)
        claimed = [each.seed for each in claims if each.seed is not None]
        looked = seed_scan.scan_seeds(rows, shape, asked, settings, claimed, ledger=ledger)
        seeds, elements = looked.seeds, looked.elements
        z_needed, seen = looked.z_needed, looked.detectable_correlation
        keys = looked.keys
    fitted = None
    if seeds and seeds[0].recovered:
        start = _start(loaded, picture, seeds[0], claims, search)
        said = [each.negative_prompt for each in claims if each.negative_prompt]
        negatives = [search.negative_prompt, *dict.fromkeys(said)][: 1 + MOST_NEGATIVES]
        fitted = fit_recipe(
            loaded, picture, start, prompts, negatives, settings.recipe_fit, search, ledger
        )
    scan = SeedScan(
        target=name,
        checkpoint=loaded.checkpoint.name,
        checkpoint_sha256=loaded.checkpoint.sha256,
        note=note,
        protocols=settings.rng_algorithms,
        first_seed=settings.first_seed,
        end_seed=settings.end_seed,
        pictures=settings.draws,
        inversions=asked,
        steps=settings.steps,
        rounds=settings.fixed_point_rounds,
        elements=elements,
        alpha=settings.alpha,
        z_needed=z_needed if elements else None,
        seen=seen,
        seeds=seeds,
        regenerated=fitted.about if fitted else None,
    )
    keys |= fitted.keys if fitted else frozenset()
    return Attribution(scan, fitted.picture if fitted else None, keys)


def _guidance(claims: Sequence[Claim]) -> float | None:
    """The first guidance that is claimed and possible."""
    said = (each.guidance for each in claims if each.guidance is not None)
    return next((each for each in said if 0 <= each <= MOST_GUIDANCE), None)


def _start(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    found: SeedCandidate,
    claims: Sequence[Claim],
    search: SearchSettings,
) -> Recipe:
    """The recipe that a fit begins with: the seed, the search's settings, and what is claimed."""
    guidance = _guidance(claims)
    steps = (each.steps for each in claims if each.steps is not None)
    possible = (each for each in steps if 0 < each <= MOST_STEPS and takes_steps(loaded, each))
    return Recipe(
        prompt=found.inversion.prompt,
        seed=found.seed,
        width=picture.width,
        height=picture.height,
        sampler=search.sampler,
        steps=next(possible, search.steps),
        guidance=search.guidance if guidance is None else guidance,
        negative_prompt=search.negative_prompt,
        rng=found.rng,
        batch_index=found.batch_index,
        dtype=loaded.checkpoint.dtype,
    )
