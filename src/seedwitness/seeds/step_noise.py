"""Draw the noise that a sampler adds after its steps, as the tools draw it.

diffusers and AUTOMATIC1111 go on with the generator of the initial noise. ComfyUI starts a new one
with the same seed, so that its first step noise is the initial noise once more; InvokeAI starts one
with the seed XOR 0xFFFFFFFF, and AUTOMATIC1111's setting "ENSD" one with the seed plus a number. A
recipe's ``step_seed`` is the seed of that other generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import torch
from torch import Tensor

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import OWN_GENERATOR, Recipe
from seedwitness.seeds import draw_one, has_resized_seed, require_one_dtype, torch_cpu

INVOKEAI_MASK = 0xFFFFFFFF
"""InvokeAI seeds its step noise with the seed XOR this."""


def iter_step_noise(
    recipes: Sequence[Recipe], shape: Sequence[int], step_dtype: torch.dtype | None = None
) -> Iterator[Tensor]:
    """Draw the noise after each step for recipes of one dtype: [n, c, h, w], without end.

    ``shape`` is [c, h, w] of one image; ``step_dtype`` is the steps' number format, where it is not
    that of the initial noise. Raises ConfigError where the tools' way is not known: for a
    later image of a batch, varied and resized seeds.
    """
    dtype = require_one_dtype(recipes)
    for recipe in recipes:
        is_batch = recipe.batch_index or recipe.batch_size > 1
        if is_batch or recipe.variations or has_resized_seed(recipe):
            raise ConfigError(
                f"The sampler `{recipe.sampler}` (eta {recipe.eta:g}) adds noise after its steps, "
                "which is known only for plain seeds: take a sampler that adds none with eta 0, or "
                "remove the batch index and size, the variations and the seed's resize."
            )
    sources = [_iter_draws(recipe, tuple(shape), dtype, step_dtype or dtype) for recipe in recipes]
    return (torch.stack(draws) for draws in zip(*sources, strict=True))


def _iter_draws(
    recipe: Recipe, shape: tuple[int, ...], dtype: torch.dtype, step_dtype: torch.dtype
) -> Iterator[Tensor]:
    continues = recipe.step_seed == OWN_GENERATOR
    seed, first = (recipe.seed, 1) if continues else (recipe.step_seed, 0)
    if recipe.rng == "torch-cpu":  # one generator, because a later draw needs those before it
        generator = torch_cpu.make_generator(seed, first, shape, dtype)
        while True:
            yield torch.randn(shape, generator=generator, dtype=step_dtype)
    for number in count(first):
        yield draw_one(recipe.rng, seed, number, shape, step_dtype)
