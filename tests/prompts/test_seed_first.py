"""Prompts ranked with the noise of a known seed: the right one is exact, and can be evolved."""

from dataclasses import replace

import pytest
import torch

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.seed_first import rank_with_noise
from seedwitness.records.recipe import Recipe

RECIPE = Recipe("", 77, 32, 32, "ddim", 4, 3.0)
TEXTS = ["a blue fish", "a red fish", "a lighthouse"]


def make_latent(tiny: LoadedCheckpoint, prompt: str) -> torch.Tensor:
    latents, _ = sample_recipes(tiny, [replace(RECIPE, prompt=prompt)])
    return latents[0]


def test_the_right_prompt_comes_first_and_is_exact(tiny: LoadedCheckpoint) -> None:
    latent = make_latent(tiny, "a red fish")
    budget = Budget(3 * RECIPE.nfe)
    ranked = rank_with_noise(tiny, latent, RECIPE, TEXTS, [], budget)
    assert ranked[0][0] == "a red fish"
    assert ranked[0][1] == pytest.approx(0, abs=1e-5)
    assert ranked[1][1] > 1e-3
    assert len(ranked) == 3
    assert budget.spent_nfe == 3 * RECIPE.nfe
    # With another seed's noise nothing is exact.
    other = rank_with_noise(
        tiny, latent, replace(RECIPE, seed=78), TEXTS, [], Budget(3 * RECIPE.nfe)
    )
    assert min(distance for _, distance in other) > 0.1


def test_a_prompt_is_put_together_from_phrases(tiny: LoadedCheckpoint) -> None:
    latent = make_latent(tiny, "a red fish, a lighthouse")
    budget = Budget(60 * RECIPE.nfe)
    ranked = rank_with_noise(tiny, latent, RECIPE, TEXTS[:1], TEXTS, budget)
    assert ranked[0][0] == "a red fish, a lighthouse"
    assert budget.spent_nfe <= 60 * RECIPE.nfe


def test_texts_that_are_truncated_are_left_out(tiny: LoadedCheckpoint) -> None:
    latent = make_latent(tiny, "a red fish")
    ranked = rank_with_noise(tiny, latent, RECIPE, ["fish " * 200], [], Budget(100))
    assert ranked == []
