"""The recipe of a picture whose seed is known: what else it was made with, as near as may be.

Noise that is right makes a picture that is nearly right whatever the guidance, the sampler and the
steps; so they can be found a few at a time, the others standing still. The pixels tell recipes
apart: latents do not, because encoding is no exact inverse of decoding.
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
from seedwitness.engine.executor import ExecutionResult, execute, sample_recipes
from seedwitness.engine.latent_cache import DEFAULT_ROOT, hash_rows
from seedwitness.engine.sampling import decode_latents, encode_pictures
from seedwitness.engine.schedulers import set_timesteps
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import RegeneratedImage


@dataclass(frozen=True)
class FittedRecipe:
    """The closest recipe, its image, and the cache keys of all recipes that were tried."""

    about: RegeneratedImage
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
    """The closest recipe with the seed of ``start``, in root mean square of pixels; made by itself.

    First every prompt with every guidance and negative prompt. Then samplers and steps together, at
    the best guidance and those beside it, and the guidances again, until nothing comes closer or
    every pixel agrees.
    ``picture`` has the size that ``start`` names.
    """
    there = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    tried: dict[Recipe, float] = {}
    keys: set[str] = set()

    def closest(recipes: Sequence[Recipe]) -> Recipe:
        new = [recipe for recipe in dict.fromkeys(recipes) if recipe not in tried]
        executed = execute(
            loaded,
            new,
            batch=search.batch,
            shard=search.shard,
            workers=search.workers,
            ledger=ledger,
        )
        keys.update(executed.keys)
        tried.update(zip(new, _differences(loaded, new, executed, there), strict=True))
        return min(tried, key=lambda each: (tried[each], each.id))

    texts = list(dict.fromkeys([*prompts[: settings.prompts], start.prompt])) or [""]
    guidances = sorted({start.guidance, *settings.guidances})
    grid = [
        (sampler, steps)
        for sampler in dict.fromkeys([start.sampler, *settings.samplers])
        for steps in dict.fromkeys([start.steps, *settings.steps])
        if takes_steps(loaded, steps)
    ]
    best = closest(
        [
            replace(start, prompt=text, guidance=guidance, negative_prompt=negative)
            for text in texts
            for guidance in guidances
            for negative in negatives
            if guidance != 1 or negative == negatives[0]  # where nothing is led away from it
        ]
    )
    before = None
    while best != before and tried[best] > 0:
        before, at = best, guidances.index(best.guidance)
        near = guidances[max(at - 1, 0) : at + 2]
        best = closest(
            [replace(best, sampler=s, steps=n, guidance=g) for s, n in grid for g in near]
        )
        best = closest([replace(best, guidance=g) for g in guidances])
    latents, noise = sample_recipes(loaded, [best])
    made = decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device))[0]
    held = encode_pictures(loaded.pipeline, there[None])
    held = held.to(loaded.pipeline.device, loaded.pipeline.vae.dtype)
    again = decode_latents(loaded.pipeline, held)[0]
    return FittedRecipe(
        RegeneratedImage(
            trial=best.id,
            recipe=best,
            tried=len(tried),
            noise_sha256=noise[0],
            latent_sha256=hash_rows(latents)[0],
            rms=_rms(made, there),
            round_trip_rms=_rms(again, there),
            image="regenerated.png",
        ),
        Image.fromarray(made.permute(1, 2, 0).contiguous().numpy()),
        frozenset(keys),
    )


def _differences(
    loaded: LoadedCheckpoint, recipes: Sequence[Recipe], executed: ExecutionResult, target: Tensor
) -> list[float]:
    """Root mean square differences between the recipes' images and ``target``, in levels of 255."""
    differences = []
    for recipe in recipes:  # one by one: a decoder's memory grows with the batch
        latent = executed.samples[recipe.id].latent[None].to(loaded.pipeline.device)
        differences.append(_rms(decode_latents(loaded.pipeline, latent)[0], target))
    return differences


def takes_steps(loaded: LoadedCheckpoint, steps: int) -> bool:
    """Whether the checkpoint's own scheduler takes so many steps."""
    scheduler = type(loaded.pipeline.scheduler).from_config(loaded.pipeline.scheduler.config)
    try:
        set_timesteps(scheduler, steps, torch.device("cpu"))
    except ConfigError:
        return False
    return True


def _rms(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).square().mean().sqrt())
