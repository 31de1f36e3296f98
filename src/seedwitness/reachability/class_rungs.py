"""Rungs of words alone for prompt classes: every class with the same noise, so that rates pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.engine.sampling import decode_latents
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.prompts.regeneration import make_recipes
from seedwitness.reachability.ladder import Rung


def compute_class_rungs(
    loaded: LoadedCheckpoint,
    prompts: Mapping[str, Sequence[Sequence[str]]],
    seeds: int,
    search: SearchSettings,
) -> list[Rung]:
    """A rung for each class and seed: one result for each picture, from words alone.

    ``prompts`` are by rung those of each picture, which seeds take in turn. The seeds are those of
    regenerations, which a search does not use; they are the same for every rung and picture.
    """
    rungs = []
    for name, by_picture in prompts.items():
        for seed in range(seeds):
            texts = tuple(own[seed % len(own)] for own in by_picture)
            recipes = [
                make_recipes(loaded, text, search, seeds=seeds, steps=search.steps)[seed]
                for text in texts
            ]
            images = []
            for start in range(0, len(recipes), search.batch):
                latents, _ = sample_recipes(loaded, recipes[start : start + search.batch])
                images.append(decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device)))
            rungs.append(Rung(name, 0.0, seed, texts, torch.cat(images)))
    return rungs
