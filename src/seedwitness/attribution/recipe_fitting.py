"""Fits the recipe of an image whose seed is known: prompt, guidance, sampler and steps.

The right noise gives nearly the right image whatever the guidance, sampler and steps, so these can
be fitted a few at a time while the others stay fixed. Recipes are compared by pixels and not by
latents, because encoding is not the exact inverse of decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import RecipeFitSettings, SearchSettings
from seedwitness.engine.executor import Execution
from seedwitness.engine.latent_cache import DEFAULT_ROOT, hash_rows
from seedwitness.engine.sampling import decode_latents, encode_pictures
from seedwitness.engine.schedulers import set_timesteps
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import RegeneratedImage


@dataclass(frozen=True)
class FittedRecipe:
    """The closest recipe, its image, and the cache keys of all recipes that were tried."""

    regenerated: RegeneratedImage
    picture: Image.Image
    keys: frozenset[str]


def fit_recipe(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    start: Recipe,
    prompts: Sequence[str],
    negatives: Sequence[str],
    settings: RecipeFitSettings,
    search: SearchSettings,
    ledger: Path = DEFAULT_ROOT,
) -> FittedRecipe:
    """Find the recipe with the seed of ``start`` that is closest to ``picture`` by RMS of pixels.

    The first step tries every prompt with every guidance and negative prompt. Then samplers and
    steps are tried together, at the best guidance and its neighbours, and all guidances again,
    until nothing comes closer or every pixel agrees. The image of the best recipe is sampled again
    alone. ``picture`` has the width and height of ``start``.
    """
    target = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    differences: dict[Recipe, float] = {}
    keys: set[str] = set()

    def find_closest(recipes: Sequence[Recipe]) -> Recipe:
        new = [recipe for recipe in dict.fromkeys(recipes) if recipe not in differences]
        result = Execution(
            loaded,
            new,
            batch=search.batch,
            shard=search.shard,
            workers=search.workers,
            ledger=ledger,
        ).run()
        keys.update(result.keys)
        new_differences = _compute_differences(loaded, new, result, target)
        differences.update(zip(new, new_differences, strict=True))
        return min(differences, key=lambda recipe: (differences[recipe], recipe.id))

    texts = list(dict.fromkeys([*prompts[: settings.prompts], start.prompt])) or [""]
    guidances = sorted({start.guidance, *settings.guidances})
    grid = [
        (sampler, steps)
        for sampler in dict.fromkeys([start.sampler, *settings.samplers])
        for steps in dict.fromkeys([start.steps, *settings.steps])
        if can_take_steps(loaded, steps)
    ]
    best = find_closest(
        [
            replace(start, prompt=text, guidance=guidance, negative_prompt=negative)
            for text in texts
            for guidance in guidances
            for negative in negatives
            if guidance != 1 or negative == negatives[0]  # guidance 1 ignores it
        ]
    )
    previous = None
    while best != previous and differences[best] > 0:
        previous, index = best, guidances.index(best.guidance)
        neighbours = guidances[max(index - 1, 0) : index + 2]
        best = find_closest(
            [replace(best, sampler=s, steps=n, guidance=g) for s, n in grid for g in neighbours]
        )
        best = find_closest([replace(best, guidance=g) for g in guidances])
    latents, noise = sample_recipes(loaded, [best])
    pixels = decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device))[0]
    encoded = encode_pictures(loaded.pipeline, target[None])
    encoded = encoded.to(loaded.pipeline.device, loaded.pipeline.vae.dtype)
    round_trip = decode_latents(loaded.pipeline, encoded)[0]
    return FittedRecipe(
        RegeneratedImage(
            trial=best.id,
            recipe=best,
            tried=len(differences),
            noise_sha256=noise[0],
            latent_sha256=hash_rows(latents)[0],
            rms=_compute_rms(pixels, target),
            round_trip_rms=_compute_rms(round_trip, target),
            image="regenerated.png",
        ),
        Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()),
        frozenset(keys),
    )


def _compute_differences(
    loaded: LoadedCheckpoint, recipes: Sequence[Recipe], result: Execution, target: Tensor
) -> list[float]:
    """Root mean square differences between the recipes' images and ``target``, in levels of 255."""
    differences = []
    for recipe in recipes:  # one by one, because the memory of the decoder grows with the batch
        latent = result.samples[recipe.id].latent[None].to(loaded.pipeline.device)
        differences.append(_compute_rms(decode_latents(loaded.pipeline, latent)[0], target))
    return differences


def can_take_steps(loaded: LoadedCheckpoint, steps: int) -> bool:
    """Whether the checkpoint's own scheduler supports this number of steps."""
    scheduler = type(loaded.pipeline.scheduler).from_config(loaded.pipeline.scheduler.config)
    try:
        set_timesteps(scheduler, steps, torch.device("cpu"))
    except ConfigError:
        return False
    return True


def _compute_rms(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).square().mean().sqrt())
