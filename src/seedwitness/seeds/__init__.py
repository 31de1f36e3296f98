"""Where a recipe's noise comes from: one file an RNG protocol.

A protocol is a function ``(seed, batch_index, shape, dtype) -> Tensor``: the noise of one image, of
the given shape, on the CPU. Who samples moves it to where the denoiser is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Generator, Tensor

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import philox_nv, torch_cpu, torch_cpu_half, torch_cuda, variation
from seedwitness.seeds.torch_cpu import SEEDS

T = TypeVar("T")
Protocol = Callable[[int, int, Sequence[int], torch.dtype], Tensor]

PROTOCOLS: dict[str, Protocol] = {
    "torch-cpu": torch_cpu.noise,
    "torch-cpu-float16": torch_cpu_half.float16,
    "torch-cpu-bfloat16": torch_cpu_half.bfloat16,
    "philox-nv": philox_nv.noise,
    "torch-cuda": torch_cuda.noise,
}

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def noise(recipes: Sequence[Recipe], shape: Sequence[int]) -> Tensor:
    """Initial noise of recipes of one dtype, ``shape`` being one image's [c, h, w]: [n, c, h, w].

    Variation seeds are mixed in and a seed resized as the tools do it. Raises ConfigError for an
    unknown protocol, dtype or rule, mixed dtypes, or a seed that there is not.
    """
    kind = dtype(recipes)
    return torch.stack([_of(recipe, tuple(shape), kind) for recipe in recipes])


def _of(recipe: Recipe, shape: tuple[int, ...], kind: torch.dtype) -> Tensor:
    draw = _known(PROTOCOLS, "RNG protocol", recipe.rng)

    def drawn(seed: int, size: tuple[int, ...]) -> Tensor:
        if not 0 <= seed < SEEDS:
            raise ConfigError(f"A seed is a whole number from 0 to {SEEDS - 1}, not {seed}.")
        return draw(seed, recipe.batch_index, size, kind)

    size = _first_size(recipe, shape)
    found = drawn(recipe.seed, size)
    if recipe.variations:
        mix = _known(variation.RULES, "rule of variation", recipe.variation_rule)
        mixed = found.float()
        for seed, strength in recipe.mixed_seeds:
            mixed = mix(strength, mixed, drawn(seed, size).float())
        found = mixed.to(kind)
    if size != shape:
        found = variation.resized(drawn(recipe.seed, shape), found)
    return found


def _resizes(recipe: Recipe) -> bool:
    return recipe.resize_width > 0 and recipe.resize_height > 0


def _first_size(recipe: Recipe, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the seed's first noise: another than the image's where the seed is resized."""
    if not _resizes(recipe):
        return shape
    scale = recipe.width // shape[-1]
    return (*shape[:-2], recipe.resize_height // scale, recipe.resize_width // scale)


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
        if recipe.variations or _resizes(recipe):
            raise ConfigError(
                "Noise within the steps (eta) is known for plain seeds only: set eta to 0, "
                "or leave variations and the seed's resize out."
            )
    return recipes


def _known(table: Mapping[str, T], what: str, name: str) -> T:
    if name not in table:
        raise ConfigError(f"There is no {what} `{name}`.{suggest_names(name, table)}")
    return table[name]
