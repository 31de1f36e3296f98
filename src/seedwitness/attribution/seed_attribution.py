"""Attributes an image to a checkpoint: scans the seed space, and fits the recipe of the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from seedwitness.attribution import claimed_recipes, looks, seed_scan
from seedwitness.attribution.hidden_areas import (
    Box,
    check_hidden_areas,
    list_shown_pixels,
    paint_over,
)
from seedwitness.attribution.placements import Comparison, plan_placements
from seedwitness.attribution.recipe_fitting import COARSE_STEPS, FittedRecipe, fit_recipe
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings, SearchSettings
from seedwitness.engine.latent_cache import DEFAULT_ROOT
from seedwitness.engine.schedulers import adds_noise, describe_scheduler, is_flow
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.seed_first import rank_with_noise
from seedwitness.records.placement import Placement
from seedwitness.records.recipe import OWN_GENERATOR, Recipe
from seedwitness.records.seed_scan import SeedCandidate, SeedScan
from seedwitness.records.target import Claim
from seedwitness.seeds.step_noise import INVOKEAI_MASK
from seedwitness.seeds.torch_cpu import SEED_COUNT

MAX_NEGATIVES = 2
"""Claimed negative prompts to try."""

MAX_SIZES = 2
"""Claimed sizes of the sampled image to try."""

MAX_OFFSETS = 2
"""Claimed offsets of the step noise's seed to try."""

USUAL_ENSD = 31337
"""The value of AUTOMATIC1111's setting "ENSD" that is copied from guides."""

ANCESTRAL_SAMPLER = "euler-a"


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
    hidden: Sequence[Box] = (),
    phrases: Sequence[str] = (),
    ledger: Path = DEFAULT_ROOT,
) -> Attribution:
    """Scan the seed space for ``picture``, and fit the recipe if a seed was recovered.

    ``prompts`` are the prompt candidates, best first, and ``phrases`` parts of prompts, of which
    further candidates are made with the seed's noise where ``recipe_fit.prompt_nfe`` allows it.
    ``claims`` are not trusted: they only add seeds, sizes and recipes to try, if these are possible
    at all. An image of a size that the checkpoint cannot make is looked at by its placements in one
    that it can; if there are none, it is not scanned, and ``obstacle`` gives the reason. ``hidden``
    areas, such as a watermark, are not compared. Raises ConfigError if one does not lie in the
    image.
    """
    check_hidden_areas(hidden, picture.size)
    obstacle = seed_scan.find_scan_obstacle(loaded, *picture.size)
    placements = _list_placements(loaded, picture, claims, settings)
    scheduler = describe_scheduler(loaded.pipeline.scheduler)
    if is_flow(scheduler):  # its samplers add no noise after their steps
        looked = [kind for kind in settings.looks if kind != "step-noise"]
        settings = settings.model_copy(update={"looks": looked})
    kinds = looks.plan_looks(
        prompts,
        settings,
        claimed_recipes.find_claimed_guidance(claims),
        claimed_recipes.find_claimed_steps(claims),
        placements,
        is_size_made=obstacle is None,
    )
    target = looks.EncodedTarget(loaded.pipeline.vae, picture, hidden)
    result = seed_scan.ScanResult(z_needed=float("inf"))
    if kinds:
        obstacle = None
        result = seed_scan.scan_seeds(
            kinds,
            lambda kind: looks.compute_weights(kind, target, scheduler, settings, loaded),
            settings,
            claimed_recipes.list_claimed_seeds(claims),
            ledger=ledger,
        )
    fitted: FittedRecipe | None = None
    if result.seeds and result.seeds[0].recovered:
        starts = _list_starts(loaded, picture, result.seeds[0], claims, search)
        claimed = [claim.negative_prompt for claim in claims if claim.negative_prompt]
        negatives = [search.negative_prompt, *dict.fromkeys(claimed)][: 1 + MAX_NEGATIVES]
        placement = result.seeds[0].look.placement
        compared = Comparison.make(
            paint_over(picture, hidden),
            _list_likely(placement, placements),
            list_shown_pixels(picture.size, hidden) if hidden else None,
        )
        latent = torch.from_numpy(target.encode(placement))
        prompts = _rank_prompts(loaded, latent, starts[0], prompts, phrases, settings, search)
        fitted = fit_recipe(
            loaded, compared, starts, prompts, negatives, settings.recipe_fit, search, ledger
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
        rounds=settings.fixed_point_rounds,
        looks=result.looks,
        alpha=settings.alpha,
        z_needed=result.z_needed if result.looks else None,
        hidden=list(hidden),
        seeds=result.seeds,
        unused_settings=claimed_recipes.list_unused_settings(claims, loaded.checkpoint, settings),
        regenerated=fitted.regenerated if fitted else None,
    )
    keys = result.keys | (fitted.keys if fitted else frozenset())
    return Attribution(scan, fitted.picture if fitted else None, keys)


def _list_placements(
    loaded: LoadedCheckpoint, picture: Image.Image, claims: Sequence[Claim], settings: ScanSettings
) -> list[Placement]:
    """The placements of the picture in images of claimed sizes and of the checkpoint's own."""
    identity = loaded.checkpoint
    claimed = claimed_recipes.list_claimed_sizes(claims)
    return [
        placement
        for placement in plan_placements(
            picture,
            [*claimed[:MAX_SIZES], (identity.width, identity.height)],
            identity.latent_scale,
            settings.placements,
        )
        if seed_scan.find_scan_obstacle(loaded, placement.width, placement.height) is None
    ]


def _list_likely(found: Placement | None, planned: Sequence[Placement]) -> list[Placement]:
    """The placement that shows most noise, and others that would show some if it does: the pixels
    tell which is right."""
    if found is None:
        return []
    alike = [
        each
        for each in planned
        if (each.width, each.height) == (found.width, found.height) and not each.is_approximate
    ]
    return list(dict.fromkeys([found, *alike]))


def _rank_prompts(
    loaded: LoadedCheckpoint,
    latent: Tensor,
    start: Recipe,
    prompts: Sequence[str],
    phrases: Sequence[str],
    settings: ScanSettings,
    search: SearchSettings,
) -> list[str]:
    """The candidates, best first by one generation with the noise of ``start``, and evolved.

    ``latent`` is that of the image that was sampled [c, h, w].
    The candidates as they are where ``recipe_fit.prompt_nfe`` is 0.
    """
    nfe = settings.recipe_fit.prompt_nfe
    if not nfe:
        return list(prompts)
    # With noise after each step, another number of steps gives another image.
    is_ancestral = start.sampler == ANCESTRAL_SAMPLER
    recipe = start if is_ancestral else replace(start, steps=min(start.steps, COARSE_STEPS))
    starts = [*prompts, start.prompt]
    ranked = rank_with_noise(
        loaded, latent, recipe, starts, phrases, Budget(nfe), batch=search.batch
    )
    return list(dict.fromkeys([*(text for text, _ in ranked), *prompts]))


def _list_starts(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    seed: SeedCandidate,
    claims: Sequence[Claim],
    search: SearchSettings,
) -> list[Recipe]:
    """The recipes that fitting starts from: those that the claims name, then the search settings.

    Each has the noise of the seed. Where a new generator draws the step noise, the initial noise is
    that of the same seed (ComfyUI) or of another (InvokeAI, AUTOMATIC1111 with "ENSD").
    """
    is_ancestral = seed.look.kind == "step-noise"
    placement = seed.look.placement
    sampler = search.sampler
    if is_ancestral:
        sampler = ANCESTRAL_SAMPLER
    elif sampler == ANCESTRAL_SAMPLER:
        sampler = "euler"
    start = Recipe(
        prompt=seed.look.prompt,
        seed=seed.seed,
        width=placement.width if placement else picture.width,
        height=placement.height if placement else picture.height,
        sampler=sampler,
        steps=seed.look.steps if is_ancestral else search.steps,
        guidance=search.guidance,
        negative_prompt=search.negative_prompt,
        rng=seed.rng,
        batch_index=seed.batch_index,
        dtype=loaded.checkpoint.dtype,
    )
    claimed = claimed_recipes.apply_claims(start, claims, loaded)
    starts = list(dict.fromkeys([*claimed, start]))
    if not is_ancestral:
        return starts
    # An ancestral sampler mixes no noises, and no other adds noise.
    starts = [
        replace(
            each,
            seed=start.seed,
            sampler=each.sampler if adds_noise(each.sampler, 0) else ANCESTRAL_SAMPLER,
            variations="",
            resize_width=0,
            resize_height=0,
            batch_size=0,
        )
        for each in starts
    ]
    if not seed.look.restarted:
        return [replace(each, step_seed=OWN_GENERATOR) for each in starts]
    offsets = [*claimed_recipes.list_claimed_offsets(claims)[:MAX_OFFSETS], USUAL_ENSD]
    by_offset = ((seed.seed - offset) % SEED_COUNT for offset in offsets)
    initial = dict.fromkeys([seed.seed, seed.seed ^ INVOKEAI_MASK, *by_offset])
    return [replace(each, seed=s, step_seed=seed.seed) for each in starts for s in initial]
