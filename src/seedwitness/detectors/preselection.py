"""A cheap detector says which of more candidates share a search's budget.

What is learned shows in a single step (Webster 2023), so that two evaluations a seed tell where a
hundred are well spent. Controls are steered in the same way, or their ranks would mean nothing.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import torch

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.reading import suggest_names
from seedwitness.config.steps import SearchSettings
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.probe import Probe
from seedwitness.errors import ConfigError
from seedwitness.records.search import PreselectedPrompt
from seedwitness.records.tables import PROMPTS, typed_frame
from seedwitness.seeds.torch_cpu import noise

if TYPE_CHECKING:
    import pandas as pd


def check_preselection(search: SearchSettings) -> None:
    """Raise ConfigError where ``search.preselection`` names no detector that asks for the prompt alone."""
    if search.preselection is None:
        return
    fit = [name for name, each in DETECTORS.items() if each.needs == "prompt"]
    if search.preselection.detector not in fit:
        raise ConfigError(
            f"search.preselection.detector: `{search.preselection.detector}` is none that asks for the prompt "
            f"alone.{suggest_names(search.preselection.detector, fit)}"
        )


def preselect_prompts(
    loaded: LoadedCheckpoint, table: pd.DataFrame, search: SearchSettings
) -> tuple[pd.DataFrame, list[PreselectedPrompt], SearchSettings]:
    """The ``search.prompts`` candidates with the highest values, ranked anew; all values; the rest.

    ``table`` is ``records.PROMPTS``. What the detector spends on
    ``steer.candidates`` is taken from the budget of the search that is returned, also where there
    are fewer of them: so the rest is the same for all. Without ``search.preselection`` nothing is asked.
    Raises ConfigError where the detector leaves nothing of the budget.
    """
    check_preselection(search)
    asked = search.preselection
    if asked is None or table.empty:
        return table, [], search
    shape = loaded.latent_shape(
        search.width or loaded.checkpoint.width, search.height or loaded.checkpoint.height
    )
    drawn = torch.stack([noise(seed, 0, shape, torch.float32) for seed in range(asked.seeds)])
    values, nfe = [], 0
    for text in table["text"]:
        probe = Probe(loaded.pipeline, text, steps=search.steps, guidance=search.guidance)
        values.append(DETECTORS[asked.detector](probe, drawn))
        nfe += probe.nfe + probe.backward
    spent = nfe // len(table) * asked.candidates
    if spent >= search.budget_nfe:
        raise ConfigError(
            f"search.preselection: `{asked.detector}` spends {spent} NFE on {asked.candidates} "
            f"candidates, and search.budget_nfe is {search.budget_nfe}. Name a cheaper one, or "
            "fewer candidates."
        )
    # Of equals the first; what gave no number comes last.
    order = sorted(range(len(values)), key=lambda place: (isnan(values[place]), -values[place]))
    kept = order[: search.prompts]
    chosen = table.iloc[kept].assign(rank=range(1, len(kept) + 1))
    said = [
        PreselectedPrompt(prompt=text, value=value, kept=place in kept)
        for place, (text, value) in enumerate(zip(table["text"], values, strict=True))
    ]
    rest = search.model_copy(update={"budget_nfe": search.budget_nfe - spent})
    return typed_frame(chosen, PROMPTS), said, rest
