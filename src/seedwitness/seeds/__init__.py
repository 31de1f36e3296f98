"""Where a recipe's noise comes from: one file an RNG protocol.

A protocol is a function ``(seed, batch_index, shape, dtype) -> Tensor``: the noise of one image, of
the given shape, on the CPU. Who samples moves it to where the denoiser is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Generator, Tensor

from seedwitness.config import known
from seedwitness.errors import ConfigError
from seedwitness.records import Recipe
from seedwitness.seeds import torch_cpu

T = TypeVar("T")
Protocol = Callable[[int, int, Sequence[int], torch.dtype], Tensor]

PROTOCOLS: dict[str, Protocol] = {"torch-cpu": torch_cpu.noise}

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def noise(recipes: Sequence[Recipe], shape: Sequence[int]) -> Tensor:
    """Initial noise of recipes of one dtype, ``shape`` being one image's: [n, *shape].

    Raises ConfigError for an unknown protocol or dtype, mixed dtypes, or a variation seed.
    """
    return torch.stack(
        [
            _known(PROTOCOLS, "RNG protocol", recipe.rng)(
                recipe.seed, recipe.batch_index, shape, dtype(recipes)
            )
            for recipe in _plain(recipes)
        ]
    )


def step_generators(recipes: Sequence[Recipe], shape: Sequence[int]) -> list[Generator]:
    """The generators that a sampler with noise of its own (DDIM, eta > 0) draws on, one a recipe.

    Each continues where its initial noise ended, as StableDiffusionPipeline's does.
    """
    for recipe in _plain(recipes):
        if recipe.rng != "torch-cpu" or recipe.batch_index:
            raise ConfigError(
                f"Noise within the steps (eta {recipe.eta}) is known for the RNG protocol "
                f"`torch-cpu` at batch index 0 only, not for `{recipe.rng}` at "
                f"{recipe.batch_index}. Set eta to 0."
            )
    return [torch_cpu.step_generator(recipe.seed, shape, dtype(recipes)) for recipe in recipes]


def dtype(recipes: Sequence[Recipe]) -> torch.dtype:
    """The one dtype of ``recipes``: a seed's noise is not the same in each."""
    names = {recipe.dtype for recipe in recipes}
    if len(names) != 1:
        raise ConfigError(f"Recipes of one batch have one dtype, not {len(names)}: {names}.")
    return _known(DTYPES, "dtype", names.pop())


def _plain(recipes: Sequence[Recipe]) -> Sequence[Recipe]:
    for recipe in recipes:
        if recipe.variation_strength:
            raise ConfigError(
                f"No RNG protocol here mixes in a variation seed yet: set variation_strength to 0, "
                f"not {recipe.variation_strength}."
            )
    return recipes


def _known(table: dict[str, T], what: str, name: str) -> T:
    if name not in table:
        raise ConfigError(f"There is no {what} `{name}`.{known(name, table)}")
    return table[name]
