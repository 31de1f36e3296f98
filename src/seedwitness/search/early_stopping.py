"""When a search ends before its budget: it has seen copies enough, or none among so many trials.

The copies are those that ``judge`` counts, by the same criteria, and trials are looked at one by
one in the order asked for: so where a search ends does not depend on batches or shards.
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
from seedwitness.records.recipe import Recipe

StopReason = Literal["budget", "copies", "futile"]
CopyTest = Callable[[Tensor, Image.Image], list[bool]]
"""Final latents [n, c, h, w] and a target: which of them are copies of it."""

UNSEEN = 0.05
"""Chance that a rate of ``stop.rate`` shows no copy in the trials after which a search ends."""


def copy_test(
    loaded: LoadedCheckpoint,
    criteria: Sequence[CopyCriterionSettings],
    weights: Mapping[str, Path],
    batch: int,
    positions: AlignmentSpec,
) -> CopyTest:
    """What says of latents which are copies: they meet every criterion.

    ``weights`` are files by metric. Targets are laid over them as when trials are scored. Raises
    ConfigError where a criterion's metric is unknown or lacks weights.
    """
    names = [each.metric for each in criteria]
    asked = {name: path for name, path in weights.items() if name in names}
    metrics = scoring.load_metrics(names, asked, batch)

    def which(latents: Tensor, picture: Image.Image) -> list[bool]:
        pictures = decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device))
        ways = positions.make_alignments(picture, pictures.shape[-1], pictures.shape[-2])
        met = torch.ones(len(latents), dtype=torch.bool)
        for each in criteria:
            metric = metrics[each.metric]
            scores = torch.tensor(scoring.score_best_alignment(metric, pictures, ways)[0])
            higher = metric.info.higher_is_closer
            met &= scores >= each.threshold if higher else scores <= each.threshold
        return [bool(row) for row in met]

    return which


def trials_to_exclude_rate(rate: float) -> int:
    """Trials after which no copy says that copies are rarer than ``rate``, at 95 %.

    The smallest n with (1 - rate)^n ≤ 0.05.
    """
    return ceil(log(UNSEEN) / log(1 - rate) - 1e-9)


@dataclass
class StopCounter:
    """Counts one case's trials and copies, and says when they are enough."""

    settings: EarlyStopSettings
    prompts: int  # among which the trials are
    seen: int = 0
    found: list[Recipe] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)  # of the prompts

    def count(self, recipe: Recipe, copy: bool) -> tuple[StopReason, str] | None:
        """Take one more trial into account; how and why the search ends with it, or None."""
        self.seen += 1
        self.tried.add(recipe.prompt)
        if copy:
            self.found.append(recipe)
        if self.settings.copies and len(self.found) == self.settings.copies:
            return "copies", (
                f"{len(self.found)} of {self.seen} trials are copies, as many as "
                f"search.stop.copies asks for; the last is {recipe.id}"
            )
        rate = self.settings.rate
        if rate and not self.found and self.seen == trials_to_exclude_rate(rate):
            return "futile", (
                f"no copy in {self.seen} trials, of {len(self.tried)} of {self.prompts} prompts: a "
                f"rate of {rate:g} or more among such trials would have shown one with "
                f"{100 * (1 - UNSEEN):g} %"
            )
        return None
