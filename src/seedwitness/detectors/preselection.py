"""Preselect prompts by a cheap detector, so that the best candidates share the search's budget.

Memorisation shows in a single step (Webster, 2023), so two evaluations a seed tell which prompts
deserve a hundred. Controls are preselected in the same way; otherwise their ranks would be invalid.
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
from seedwitness.records.tables import PROMPTS, make_typed_frame
from seedwitness.runtime.devices import full_precision
from seedwitness.seeds.torch_cpu import draw_noise

if TYPE_CHECKING:
    import pandas as pd


def check_preselection(search: SearchSettings) -> None:
    """Raise ConfigError if ``search.preselection`` names no detector that needs only a prompt."""
    if search.preselection is None:
        return
    names = [name for name, detector in DETECTORS.items() if detector.needs == "prompt"]
    if search.preselection.detector not in names:
        raise ConfigError(
            f"search.preselection.detector: `{search.preselection.detector}` is not a detector "
            f"that needs only a prompt.{suggest_names(search.preselection.detector, names)}"
        )


@full_precision()
def preselect_prompts(
    loaded: LoadedCheckpoint, table: pd.DataFrame, search: SearchSettings
) -> tuple[pd.DataFrame, list[PreselectedPrompt], SearchSettings]:
    """Select the ``search.prompts`` candidates with the highest values, and rank them anew.

    ``table`` is PROMPTS. Returns the selected rows, the values of all candidates, and the search
    with the remaining budget. The NFE of the detector on ``preselection.candidates`` prompts are
    subtracted from the budget even if there are fewer candidates, so that the remaining budget is
    equal for all. Without ``search.preselection`` everything is returned unchanged. Raises
    ConfigError if the detector leaves no budget.
    """
    check_preselection(search)
    preselection = search.preselection
    if preselection is None or table.empty:
        return table, [], search
    shape = loaded.latent_shape(
        search.width or loaded.checkpoint.width, search.height or loaded.checkpoint.height
    )
    noises = torch.stack(
        [draw_noise(seed, 0, shape, torch.float32) for seed in range(preselection.seeds)]
    )
    values, nfe = [], 0
    for text in table["text"]:
        probe = Probe(loaded.pipeline, text, steps=search.steps, guidance=search.guidance)
        values.append(DETECTORS[preselection.detector](probe, noises))
        nfe += probe.nfe + probe.backward
    spent_nfe = nfe // len(table) * preselection.candidates
    if spent_nfe >= search.budget_nfe:
        raise ConfigError(
            f"search.preselection: `{preselection.detector}` spends {spent_nfe} NFE on "
            f"{preselection.candidates} candidates, and search.budget_nfe is {search.budget_nfe}. "
            "Choose a cheaper detector, or fewer candidates."
        )
    # Ties keep their order; values that are not numbers come last.
    ranking = sorted(range(len(values)), key=lambda row: (isnan(values[row]), -values[row]))
    selected = ranking[: search.prompts]
    selected_rows = table.iloc[selected].assign(rank=range(1, len(selected) + 1))
    scored_prompts = [
        PreselectedPrompt(prompt=text, value=value, selected=row in selected)
        for row, (text, value) in enumerate(zip(table["text"], values, strict=True))
    ]
    remaining_search = search.model_copy(update={"budget_nfe": search.budget_nfe - spent_nfe})
    return make_typed_frame(selected_rows, PROMPTS), scored_prompts, remaining_search
