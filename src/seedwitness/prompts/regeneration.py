"""Rank prompts by what they regenerate: short generations on the checkpoint under examination.

CLIP's cosine says whether a text describes a picture, not whether the checkpoint brings the picture
back under it. Only a generation says that.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.records.recipe import Recipe, count_nfe
from seedwitness.seeds.torch_cpu import SEED_COUNT

FIRST_SEED = SEED_COUNT // 2
"""The first seed of regenerations: far from those of a search, whose trials stay fresh. A prompt
that was lucky with its seed when it was ranked gains nothing by that in the search."""


def make_recipes(
    loaded: LoadedCheckpoint, text: str, search: SearchSettings, *, seeds: int, steps: int
) -> list[Recipe]:
    """The recipes of short regenerations under a text: those of ``search``, in ``steps`` steps."""
    return [
        Recipe(
            prompt=text,
            seed=FIRST_SEED + number,
            width=search.width or loaded.checkpoint.width,
            height=search.height or loaded.checkpoint.height,
            sampler=search.sampler,
            steps=steps,
            guidance=search.guidance,
            negative_prompt=search.negative_prompt,
            rng=search.rng,
            eta=search.eta,
            dtype=loaded.checkpoint.dtype,
        )
        for number in range(seeds)
    ]


def count_regeneration_nfe(search: SearchSettings, *, seeds: int, steps: int) -> int:
    """The NFE of the regenerations of one text."""
    return seeds * count_nfe(steps, search.guidance)


def compute_distances(
    loaded: LoadedCheckpoint, latent: Tensor, recipes: Sequence[Recipe], batch: int = 16
) -> list[float]:
    """The RMS difference between each recipe's final latents and ``latent`` [c, h, w]."""
    distances: list[float] = []
    for start in range(0, len(recipes), batch):
        final, _ = sample_recipes(loaded, list(recipes[start : start + batch]))  # [n, c, h, w]
        difference = final.float().cpu() - latent
        distances += difference.square().mean(dim=(1, 2, 3)).sqrt().tolist()
    return distances


def score_by_regeneration(
    loaded: LoadedCheckpoint,
    latent: Tensor,
    texts: Sequence[str],
    search: SearchSettings,
    *,
    seeds: int,
    steps: int,
) -> list[float]:
    """The mean latent distance of ``seeds`` short generations under each text; lower is closer.

    All texts have the same seeds. Costs ``count_regeneration_nfe`` a text.
    """
    recipes = [
        recipe
        for text in texts
        for recipe in make_recipes(loaded, text, search, seeds=seeds, steps=steps)
    ]
    distances = torch.tensor(compute_distances(loaded, latent, recipes, search.batch))
    return [float(row.mean()) for row in distances.reshape(len(texts), seeds)] if texts else []
