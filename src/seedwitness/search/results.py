"""Writes what a search gave: a row a trial, and final latents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from safetensors.torch import save_file

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.imaging.alignment import describe_resize
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import TRIALS, write_table
from seedwitness.records.timing import SearchTiming
from seedwitness.runtime.devices import describe_machine
from seedwitness.search.case_search import SearchCase, SearchOutcome, SearchResults

if TYPE_CHECKING:
    import pandas as pd

LATENTS_A_FILE = 1024
PromptRanks = Mapping[str, tuple[int, str]]
"""Rank and source of each prompt."""


def prompt_ranks(prompts: pd.DataFrame) -> PromptRanks:
    """Rank and source by text, from a table with the columns ``text``, ``rank`` and ``source``."""
    columns = prompts[["text", "rank", "source"]].to_dict("records")
    return {str(row["text"]): (int(row["rank"]), str(row["source"])) for row in columns}


def summarise_search(
    target: str,
    loaded: LoadedCheckpoint,
    settings: SearchSettings,
    case: SearchCase,
    outcome: SearchOutcome,
) -> SearchSummary:
    """``search.json``: what was searched under which budget, and why it stopped."""
    first, best = outcome.recipes[0], outcome.ranked[0]
    return SearchSummary(
        target=target,
        checkpoint=loaded.checkpoint.name,
        checkpoint_sha256=loaded.checkpoint.sha256,
        strategy=settings.strategy.name,
        distance=settings.distance,
        resize=describe_resize(case.picture, first.width, first.height, settings.resize),
        budget_nfe=settings.budget_nfe,
        nfe=outcome.nfe,
        trials=len(outcome.recipes),
        prompts=list(case.prompts),
        stopped=outcome.stopped,
        ended=outcome.ended,
        rare=outcome.rare,
        best_trial=best.id,
        best_distance=outcome.distances[best.id],
    )


def write_trials(
    folder: Path,
    outcome: SearchOutcome,
    prompts: PromptRanks,
    latents: Literal["all"] | int,
    strategy: str,
) -> None:
    """``trials.parquet``, and final latents in ``latents-00000.safetensors`` and following.

    A file holds ``latents`` [n, c, h, w] of at most 1024 trials, in the order of the table: of all
    trials, or of the ``latents`` closest. The others stay in the ledger alone, and their rows name
    its files. ``strategy`` is the one that asked for them.
    """
    kept = {each.id for each in outcome.ranked[: None if latents == "all" else latents]}
    order = [recipe for recipe in outcome.recipes if recipe.id in kept]
    where: dict[str, tuple[str, int]] = {}
    for start in range(0, len(order), LATENTS_A_FILE):
        part = order[start : start + LATENTS_A_FILE]
        name = f"latents-{start // LATENTS_A_FILE:05d}.safetensors"
        save_file(
            {"latents": torch.stack([outcome.samples[recipe.id].latent for recipe in part])},
            folder / name,
        )
        where |= {recipe.id: (name, row) for row, recipe in enumerate(part)}
    came_from = parent_trials(outcome.recipes)
    rows = []
    for recipe in outcome.recipes:
        rank, source = prompts[recipe.prompt]
        made = outcome.samples[recipe.id]
        shard, row = where.get(recipe.id, (made.shard.as_posix(), made.row))
        rows.append(
            {
                "trial": recipe.id,
                "parent": came_from[recipe.id],
                "strategy": strategy,
                "prompt_rank": rank,
                "prompt_source": source,
                **asdict(recipe),
                "nfe": recipe.nfe,
                "noise_sha256": made.noise_sha256,
                "latent_sha256": made.latent_sha256,
                "latent_distance": outcome.distances[recipe.id],
                "shard": shard,
                "row": row,
            }
        )
    write_table(folder / "trials.parquet", rows, TRIALS)


def parent_trials(recipes: Sequence[Recipe]) -> dict[str, str]:
    """For each recipe of a search, by id, the one that it varies or carries on with more steps.

    Empty where there is none among ``recipes``, of a variation also where it is not among them.
    """
    rungs = defaultdict(list)  # of the same noise and words: halving changes the sampler too
    for each in recipes:
        rungs[_start(each)].append(each)
    found = {}
    for each in recipes:
        shorter = [other for other in rungs[_start(each)] if other.steps < each.steps]
        last = max(shorter, key=lambda other: other.steps).id if shorter else ""
        found[each.id] = each.parent or last
    return found


def _start(recipe: Recipe) -> Recipe:
    """What a recipe begins with, whatever it goes on by."""
    return replace(recipe, steps=0, sampler="", eta=0.0)


def describe_timing(seconds: float, searched: SearchResults) -> SearchTiming:
    """``timing.json``: how long a search took, and on what machine."""
    return SearchTiming(
        seconds=round(seconds, 3),
        shards_computed=searched.computed,
        shards_cached=searched.cached,
        machine=describe_machine(),
    )
