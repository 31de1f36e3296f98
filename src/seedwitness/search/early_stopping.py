"""Early stopping: ends a search before its budget, after enough copies or enough trials without.

Copies are decided by the criteria of ``judge.copy_criteria``. Trials are counted one by one in the
order of the strategy, so the point where a search ends does not depend on batches or shards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import EarlyStopSettings
from seedwitness.config.verdicts import CopyCriterionSettings
from seedwitness.engine.sampling import decode_latents
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.metrics import scoring
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe

StopReason = Literal["budget", "copies", "futile"]
CopyTest = Callable[[Tensor, Image.Image], list[bool]]
"""(final latents [n, c, h, w], target image) to n booleans: whether each latent is a copy."""

MISS_PROBABILITY = 0.05
"""Probability that trials with a copy rate of ``stop.rate`` show no copy until the search ends."""


def make_copy_test(
    loaded: LoadedCheckpoint,
    criteria: Sequence[CopyCriterionSettings],
    weights: Mapping[str, Path],
    batch: int,
    positions: AlignmentSpec,
) -> CopyTest:
    """Make a function that decides which latents are copies: those that meet every criterion.

    ``weights`` are weight files by metric. Images are aligned with the target as in the stage
    ``score``. Raises ConfigError if a criterion's metric is unknown or lacks weights.
    """
    names = [criterion.metric for criterion in criteria]
    files = {name: path for name, path in weights.items() if name in names}
    metrics = scoring.load_metrics(names, files, batch)

    def are_copies(latents: Tensor, picture: Image.Image) -> list[bool]:
        pictures = decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device))
        alignments = positions.make_alignments(picture, pictures.shape[-1], pictures.shape[-2])
        is_copy = torch.ones(len(latents), dtype=torch.bool)
        for criterion in criteria:
            metric = metrics[criterion.metric]
            scores = torch.tensor(scoring.score_best_alignment(metric, pictures, alignments)[0])
            higher = metric.info.higher_is_closer
            is_copy &= scores >= criterion.threshold if higher else scores <= criterion.threshold
        return [bool(value) for value in is_copy]

    return are_copies


def count_trials_to_exclude_rate(rate: float) -> int:
    """The number of trials without a copy that excludes a copy rate of ``rate`` at 95 %.

    That is the smallest n with (1 - rate)^n ≤ 0.05.
    """
    return ceil(log(MISS_PROBABILITY) / log(1 - rate) - 1e-9)


@dataclass
class StopCounter:
    """Counts the trials and copies of one case, and decides when the search ends."""

    settings: EarlyStopSettings
    num_prompts: int
    """The prompts that share the budget."""
    num_trials: int = 0
    num_copies: int = 0
    prompts: set[str] = field(default_factory=set)
    """The prompts of the trials so far."""

    def count(self, recipe: Recipe, copy: bool) -> tuple[StopReason, Reason] | None:
        """Count one more trial. The reason to end the search, or None."""
        self.num_trials += 1
        self.num_copies += copy
        self.prompts.add(recipe.prompt)
        if self.settings.copies and self.num_copies == self.settings.copies:
            return "copies", Reason(
                code="copies-reached",
                values={
                    "copies": self.num_copies,
                    "trials": self.num_trials,
                    "last_trial": recipe.id,
                },
            )
        rate = self.settings.rate
        if rate and not self.num_copies and self.num_trials == count_trials_to_exclude_rate(rate):
            return "futile", Reason(
                code="no-copy-in-trials",
                values={
                    "trials": self.num_trials,
                    "prompts_tried": len(self.prompts),
                    "prompts": self.num_prompts,
                    "copy_rate": rate,
                    "probability": 1 - MISS_PROBABILITY,
                },
            )
        return None
