"""Fits the recipe of an image whose seed is known: prompt, guidance, sampler and steps.

The right noise gives nearly the right image whatever the guidance, sampler and steps, so these can
be fitted a few at a time while the others stay fixed, and few steps tell most prompts apart.
Recipes are compared by pixels and not by latents, because encoding is not the exact inverse of
decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from seedwitness.attribution.placements import Comparison
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import RecipeFitSettings, SearchSettings
from seedwitness.engine.executor import Execution
from seedwitness.engine.latent_cache import DEFAULT_ROOT, hash_rows
from seedwitness.engine.sampling import decode_latents, encode_pictures
from seedwitness.engine.schedulers import adds_noise, set_timesteps
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import RecipeAttempt, RegeneratedImage

NOISE_FIELDS = (
    "seed", "step_seed", "variations", "variation_rule", "resize_width", "resize_height",
    "batch_size",
)  # fmt: skip
"""The fields of a recipe in which starts differ beside prompt and settings."""

COARSE_STEPS = 8
"""Steps with which prompts and guidances are compared at first."""


@dataclass(frozen=True)
class FittedRecipe:
    """The closest recipe, its image, and the cache keys of all recipes that were tried."""

    regenerated: RegeneratedImage
    picture: Image.Image
    keys: frozenset[str]


@dataclass
class _Attempts:
    """The recipes that were tried, with their RMS differences to the image in levels of 255."""

    sample: Callable[[Sequence[Recipe]], list[float]]
    max_nfe: int
    differences: dict[Recipe, float] = field(default_factory=dict)

    def find_closest(self, recipes: Iterable[Recipe], among: Iterable[Recipe] = ()) -> Recipe:
        """Try recipes, as far as the budget reaches; the closest of them and of ``among``."""
        asked = list(dict.fromkeys(recipes))
        spent = sum(recipe.nfe for recipe in self.differences)
        new = []
        for recipe in asked:
            if recipe not in self.differences and spent + recipe.nfe <= self.max_nfe:
                new.append(recipe)
                spent += recipe.nfe
        self.differences.update(zip(new, self.sample(new) if new else [], strict=True))
        known = [recipe for recipe in [*among, *asked] if recipe in self.differences]
        return min(known, key=lambda recipe: (self.differences[recipe], recipe.id))


def fit_recipe(
    loaded: LoadedCheckpoint,
    compared: Comparison,
    starts: Sequence[Recipe],
    prompts: Sequence[str],
    negatives: Sequence[str],
    settings: RecipeFitSettings,
    search: SearchSettings,
    ledger: Path = DEFAULT_ROOT,
) -> FittedRecipe:
    """Find the recipe with the noise of ``starts`` whose image is closest, by RMS of pixels.

    ``starts`` are tried first, as they are. Then every prompt with every guidance and negative
    prompt, in few steps; the samplers and steps that remain possible, cheapest first; and all
    guidances again, until nothing comes closer, every pixel agrees, or ``settings.max_nfe`` are
    spent. The image of the best recipe is sampled again alone. The sampled image has the width and
    height of ``starts``; ``compared`` says what to compare in it with the target.
    """
    keys: set[str] = set()

    def sample(recipes: Sequence[Recipe]) -> list[float]:
        result = Execution(
            loaded,
            recipes,
            batch=search.batch,
            shard=search.shard,
            workers=search.workers,
            ledger=ledger,
        ).run()
        keys.update(result.keys)
        return _compute_differences(loaded, recipes, result, compared)

    attempts = _Attempts(sample, settings.max_nfe)
    best = attempts.find_closest(starts)
    if attempts.differences[best] > 0:
        best = _fit_from(best, starts, prompts, negatives, settings, loaded, attempts)
    return FittedRecipe(*_confirm(loaded, best, compared, attempts), frozenset(keys))


def _fit_from(
    best: Recipe,
    starts: Sequence[Recipe],
    prompts: Sequence[str],
    negatives: Sequence[str],
    settings: RecipeFitSettings,
    loaded: LoadedCheckpoint,
    attempts: _Attempts,
) -> Recipe:
    texts = list(
        dict.fromkeys([*prompts[: settings.prompts], *(start.prompt for start in starts)])
    ) or [""]
    guidances = sorted({*settings.guidances, *(start.guidance for start in starts)})
    is_ancestral = adds_noise(best.sampler, 0)
    # With noise after each step, another number of steps gives another image.
    steps = best.steps if is_ancestral else min(best.steps, COARSE_STEPS)
    # How a new generator is seeded differs from tool to tool, and a claimed variation may be
    # forged: each noise is a start of its own.
    noises = dict.fromkeys(_list_noise_fields(start) for start in starts)
    coarse = attempts.find_closest(
        replace(
            best,
            prompt=text,
            guidance=guidance,
            negative_prompt=negative,
            steps=steps,
            **dict(noise),
        )
        for text in texts
        for guidance in guidances
        for negative in negatives
        for noise in noises
        if guidance != 1 or negative == negatives[0]  # guidance 1 ignores it
    )
    grid = sorted(
        (
            (sampler, steps)
            for sampler in dict.fromkeys([best.sampler, *settings.samplers])
            for steps in dict.fromkeys([best.steps, *settings.steps])
            if can_take_steps(loaded, steps) and adds_noise(sampler, 0) == is_ancestral
        ),
        key=lambda pair: pair[1],
    )
    best = attempts.find_closest([replace(coarse, sampler=s, steps=n) for s, n in grid], [best])
    previous = None
    while best != previous and attempts.differences[best] > 0:
        previous = best
        best = attempts.find_closest([replace(best, guidance=g) for g in guidances], [best])
        best = attempts.find_closest([replace(best, sampler=s, steps=n) for s, n in grid], [best])
    return best


def _list_noise_fields(recipe: Recipe) -> tuple[tuple[str, Any], ...]:
    """The fields of a recipe that decide its noise, with their values."""
    return tuple((name, getattr(recipe, name)) for name in NOISE_FIELDS)


def _confirm(
    loaded: LoadedCheckpoint, best: Recipe, compared: Comparison, attempts: _Attempts
) -> tuple[RegeneratedImage, Image.Image]:
    """Sample the best recipe once more, alone."""
    latents, noise = sample_recipes(loaded, [best])
    latents = latents.to(loaded.pipeline.device)
    pixels = decode_latents(loaded.pipeline, latents, best.sampler)[0]
    encoded = encode_pictures(loaded.pipeline.vae, compared.sampled[None])
    encoded = encoded.to(loaded.pipeline.device, loaded.pipeline.vae.dtype)
    round_trip = decode_latents(loaded.pipeline, encoded)[0]
    regenerated = RegeneratedImage(
        trial=best.id,
        recipe=best,
        tried=len(attempts.differences),
        nearest=_list_nearest(attempts.differences),
        noise_sha256=noise[0],
        latent_sha256=hash_rows(latents)[0],
        rms=compared.compute_rms(pixels),
        round_trip_rms=compared.compute_rms(round_trip),
        image="regenerated.png",
        placement=compared.find_placement(pixels),
    )
    return regenerated, Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _list_nearest(differences: dict[Recipe, float]) -> list[RecipeAttempt]:
    """The closest recipe of every sampler and number of steps that was tried, closest first."""
    nearest: dict[tuple[str, int], RecipeAttempt] = {}
    for recipe, rms in sorted(differences.items(), key=lambda item: (item[1], item[0].id)):
        attempt = RecipeAttempt(
            sampler=recipe.sampler,
            steps=recipe.steps,
            guidance=recipe.guidance,
            prompt=recipe.prompt,
            rms=rms,
        )
        nearest.setdefault((recipe.sampler, recipe.steps), attempt)
    return list(nearest.values())


def _compute_differences(
    loaded: LoadedCheckpoint, recipes: Sequence[Recipe], result: Execution, compared: Comparison
) -> list[float]:
    """Root mean square differences of the recipes' images to the target, in levels of 255."""
    differences = []
    for recipe in recipes:  # one by one, because the memory of the decoder grows with the batch
        latent = result.samples[recipe.id].latent[None].to(loaded.pipeline.device)
        pixels = decode_latents(loaded.pipeline, latent, recipe.sampler)[0]
        differences.append(compared.compute_rms(pixels))
    return differences


def can_take_steps(loaded: LoadedCheckpoint, steps: int) -> bool:
    """Whether the checkpoint's own scheduler supports this number of steps."""
    scheduler = type(loaded.pipeline.scheduler).from_config(loaded.pipeline.scheduler.config)
    try:
        shape = loaded.latent_shape(loaded.checkpoint.width, loaded.checkpoint.height)
        arguments = loaded.family.timestep_arguments(loaded.pipeline, scheduler, steps, shape)
        set_timesteps(scheduler, steps, torch.device("cpu"), arguments)
    except ConfigError:
        return False
    return True
