"""Draw a recipe's initial noise: one file per RNG algorithm.

An RNG algorithm is a function ``(seed, batch_index, shape, dtype) -> Tensor`` that draws the noise
of one image on the CPU. The caller moves it to the device of the denoiser.
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
from seedwitness.seeds.torch_cpu import SEED_COUNT

T = TypeVar("T")
RngAlgorithm = Callable[[int, int, Sequence[int], torch.dtype], Tensor]

RNG_ALGORITHMS: dict[str, RngAlgorithm] = {
    "torch-cpu": torch_cpu.draw_noise,
    "torch-cpu-float16": torch_cpu_half.draw_float16,
    "torch-cpu-bfloat16": torch_cpu_half.draw_bfloat16,
    "philox-nv": philox_nv.draw_noise,
    "torch-cuda": torch_cuda.draw_noise,
}

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def draw_noise(recipes: Sequence[Recipe], shape: Sequence[int]) -> Tensor:
    """Draw the initial noise of recipes of one dtype: [n, c, h, w].

    ``shape`` is [c, h, w] of one image. Variation seeds are mixed in, and seeds resized, as the
    tools do it. Raises ConfigError for an unknown RNG algorithm, dtype or variation rule, for
    different dtypes, or for a seed out of range.
    """
    dtype = require_one_dtype(recipes)
    return torch.stack([_draw_recipe_noise(recipe, tuple(shape), dtype) for recipe in recipes])


def _draw_recipe_noise(recipe: Recipe, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    algorithm = _look_up_name(RNG_ALGORITHMS, "RNG algorithm", recipe.rng)

    def draw(seed: int, seed_shape: tuple[int, ...]) -> Tensor:
        if not 0 <= seed < SEED_COUNT:
            raise ConfigError(f"A seed must be an integer from 0 to {SEED_COUNT - 1}, not {seed}.")
        return algorithm(seed, recipe.batch_index, seed_shape, dtype)

    seed_shape = _compute_seed_shape(recipe, shape)
    noise = draw(recipe.seed, seed_shape)
    if recipe.variations:
        mix = _look_up_name(variation.VARIATION_RULES, "variation rule", recipe.variation_rule)
        mixed_noise = noise.float()
        for seed, strength in recipe.mixed_seeds:
            mixed_noise = mix(strength, mixed_noise, draw(seed, seed_shape).float())
        noise = mixed_noise.to(dtype)
    if seed_shape != shape:
        noise = variation.resize_noise(draw(recipe.seed, shape), noise)
    return noise


def _resizes_seed(recipe: Recipe) -> bool:
    return recipe.resize_width > 0 and recipe.resize_height > 0


def _compute_seed_shape(recipe: Recipe, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Compute the shape of the seed's noise, which differs from the image's if it is resized."""
    if not _resizes_seed(recipe):
        return shape
    scale = recipe.width // shape[-1]
    return (*shape[:-2], recipe.resize_height // scale, recipe.resize_width // scale)


def make_step_generators(recipes: Sequence[Recipe], shape: Sequence[int]) -> list[Generator]:
    """Make one generator per recipe for samplers that add noise at each step (DDIM, eta > 0).

    Each continues after its recipe's initial noise, as in StableDiffusionPipeline. Raises
    ConfigError for recipes whose step noise is unknown.
    """
    for recipe in _require_plain_seeds(recipes):
        if recipe.rng != "torch-cpu" or recipe.batch_index:
            raise ConfigError(
                f"Step noise (eta {recipe.eta}) is supported only for the RNG algorithm "
                f"`torch-cpu` at batch index 0, not for `{recipe.rng}` at batch index "
                f"{recipe.batch_index}. Set eta to 0."
            )
    return [
        torch_cpu.make_step_generator(recipe.seed, shape, require_one_dtype(recipes))
        for recipe in recipes
    ]


def require_one_dtype(recipes: Sequence[Recipe]) -> torch.dtype:
    """Return the common dtype of ``recipes``: a seed's noise depends on it. Raises ConfigError."""
    names = {recipe.dtype for recipe in recipes}
    if len(names) != 1:
        raise ConfigError(f"Recipes of one batch must have one dtype, not {len(names)}: {names}.")
    return _look_up_name(DTYPES, "dtype", names.pop())


def _require_plain_seeds(recipes: Sequence[Recipe]) -> Sequence[Recipe]:
    for recipe in recipes:
        if recipe.variations or _resizes_seed(recipe):
            raise ConfigError(
                "Step noise (eta) is supported only for plain seeds. Set eta to 0, or remove the "
                "variations and the seed's resize."
            )
    return recipes


def _look_up_name(table: Mapping[str, T], description: str, name: str) -> T:
    if name not in table:
        raise ConfigError(f"There is no {description} `{name}`.{suggest_names(name, table)}")
    return table[name]
