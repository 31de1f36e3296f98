"""Rank and evolve prompts with the noise of a recovered seed: one generation a prompt.

After PromptPirate (arXiv 2509.09488). A seed is found without a prompt; with its noise the right
prompt gives nearly the target in few steps, so that the score of a prompt has no luck in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.sampling import count_truncated_tokens
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.evolve import evolve_prompts
from seedwitness.prompts.regeneration import compute_distances
from seedwitness.records.recipe import Recipe


def rank_with_noise(
    loaded: LoadedCheckpoint,
    latent: Tensor,
    recipe: Recipe,
    texts: Sequence[str],
    phrases: Sequence[str],
    budget: Budget,
    batch: int = 16,
) -> list[tuple[str, float]]:
    """Rank ``texts`` and what evolves from them by one generation each, with ``recipe``'s noise.

    ``latent`` is the picture's, [c, h, w]; ``recipe`` gives everything but the prompt. Returns
    texts with the RMS distance of their final latents, closest first, then by text. A text costs
    ``recipe.nfe``. Texts that the checkpoint would truncate are left out.
    """

    def score(candidates: Sequence[str]) -> list[float]:
        recipes = [replace(recipe, prompt=text) for text in candidates]
        return compute_distances(loaded, latent, recipes, batch)

    def fits(text: str) -> bool:
        return count_truncated_tokens(loaded.pipeline, [text]) == [0]

    return evolve_prompts(texts, phrases, score, recipe.nfe, fits, budget)
