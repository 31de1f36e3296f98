"""Writes the results of a search: a table of trials, and their final latents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors.torch import save_file

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import SearchSettings
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import SearchSummary, TargetResize
from seedwitness.records.tables import TRIALS, write_table
from seedwitness.records.timing import SearchTiming
from seedwitness.runtime.devices import describe_machine
from seedwitness.search.case_search import SearchCase, SearchOutcome, SearchResults

if TYPE_CHECKING:
    import pandas as pd

LATENTS_PER_FILE = 1024
PromptRanks = Mapping[str, tuple[int, str]]
"""Rank and source of each prompt."""


def index_prompt_ranks(prompts: pd.DataFrame) -> PromptRanks:
    """Rank and source by text, from a table with the columns ``text``, ``rank`` and ``source``."""
    rows = prompts[["text", "rank", "source"]].to_dict("records")
    return {str(row["text"]): (int(row["rank"]), str(row["source"])) for row in rows}


def summarise_search(
    target: str,
    loaded: LoadedCheckpoint,
    settings: SearchSettings,
    case: SearchCase,
    outcome: SearchOutcome,
) -> SearchSummary:
    """The content of ``search.json``: what was searched, the budget, and why the search ended."""
    first, best = outcome.recipes[0], outcome.ranked[0]
    return SearchSummary(
        target=target,
        checkpoint=loaded.checkpoint.name,
        checkpoint_sha256=loaded.checkpoint.sha256,
        strategy=settings.strategy.name,
        distance=settings.distance,
        resize=TargetResize(
            rule=settings.resize,
            target_width=case.picture.width,
            target_height=case.picture.height,
            width=first.width,
            height=first.height,
        ),
        budget_nfe=settings.budget_nfe,
        nfe=outcome.nfe,
        trials=len(outcome.recipes),
        prompts=list(case.prompts),
        ended=outcome.ended,
        end_reason=outcome.end_reason,
        rare=outcome.rare,
        best_trial=best.id,
        best_distance=outcome.distances[best.id],
    )


def count_rate_trials(outcome: SearchOutcome, settings: SearchSettings, case: SearchCase) -> int:
    """How many trials, the last ones, are beyond those that a control has: 0 without ``rate_nfe``.

    A sweep gives all prompts equally many seeds, and tries them in the same order whatever its
    budget, so its first trials are those of ``settings.budget_nfe``.
    """
    if not settings.rate_nfe:
        return 0
    prompts = len(dict.fromkeys(case.prompts))
    first = settings.budget_nfe // (outcome.recipes[0].nfe * prompts) * prompts
    return max(0, len(outcome.recipes) - first)


def write_trials(
    folder: Path,
    outcome: SearchOutcome,
    prompts: PromptRanks,
    latents: Literal["all"] | int,
    strategy: str,
) -> None:
    """Write ``trials.parquet``, and final latents to ``latents-00000.safetensors`` and following.

    A file holds ``latents`` [n, c, h, w] of at most 1024 trials, in the order of the table: of all
    trials, or of the ``latents`` closest. The other latents stay in the latent cache alone, and
    their rows name its files. ``strategy`` is the name of the strategy that tried them.
    """
    saved_ids = {recipe.id for recipe in outcome.ranked[: None if latents == "all" else latents]}
    order = [recipe for recipe in outcome.recipes if recipe.id in saved_ids]
    locations: dict[str, tuple[str, int]] = {}
    for start in range(0, len(order), LATENTS_PER_FILE):
        part = order[start : start + LATENTS_PER_FILE]
        name = f"latents-{start // LATENTS_PER_FILE:05d}.safetensors"
        save_file(
            {"latents": torch.stack([outcome.samples[recipe.id].latent for recipe in part])},
            folder / name,
        )
        locations |= {recipe.id: (name, row) for row, recipe in enumerate(part)}
    write_table(
        folder / "trials.parquet", list_trials(outcome, prompts, strategy, locations), TRIALS
    )


def list_trials(
    outcome: SearchOutcome,
    prompts: PromptRanks,
    strategy: str,
    locations: Mapping[str, tuple[str, int]] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """The rows of ``records.TRIALS`` of a search, in the order of the strategy.

    ``locations`` names file and row of the latents that were saved; the others are in the latent
    cache alone.
    """
    parents = find_parent_trials(outcome.recipes)
    rows = []
    for recipe in outcome.recipes:
        rank, source = prompts[recipe.prompt]
        sample = outcome.samples[recipe.id]
        shard, row = locations.get(recipe.id, (sample.shard.as_posix(), sample.row))
        rows.append(
            {
                "trial": recipe.id,
                "parent": parents[recipe.id],
                "strategy": strategy,
                "prompt_rank": rank,
                "prompt_source": source,
                **asdict(recipe),
                "nfe": recipe.nfe,
                "noise_sha256": sample.noise_sha256,
                "latent_sha256": sample.latent_sha256,
                "latent_distance": outcome.distances[recipe.id],
                "shard": shard,
                "row": row,
            }
        )
    return rows


def find_parent_trials(recipes: Sequence[Recipe]) -> dict[str, str]:
    """For each recipe, by id, the id of the trial that it varies or continues with more steps.

    The id of a variation's parent is given even if the parent is not among ``recipes``. It is empty
    for a recipe that varies nothing and continues none of ``recipes``.
    """
    # Halving changes the sampler too, so recipes are grouped by noise and prompts.
    groups = defaultdict(list)
    for recipe in recipes:
        groups[_without_sampling(recipe)].append(recipe)
    parents = {}
    for recipe in recipes:
        shorter = [
            other for other in groups[_without_sampling(recipe)] if other.steps < recipe.steps
        ]
        previous = max(shorter, key=lambda other: other.steps).id if shorter else ""
        parents[recipe.id] = recipe.parent or previous
    return parents


def _without_sampling(recipe: Recipe) -> Recipe:
    """``recipe`` without steps, sampler and eta: what its trials at all stages have in common."""
    return replace(recipe, steps=0, sampler="", eta=0.0)


def describe_timing(seconds: float, searched: SearchResults) -> SearchTiming:
    """The content of ``timing.json``: how long a search took, and on what machine."""
    return SearchTiming(
        seconds=round(seconds, 3),
        shards_computed=searched.computed,
        shards_cached=searched.cached,
        machine=describe_machine(),
    )
