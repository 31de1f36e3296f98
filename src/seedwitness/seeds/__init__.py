"""Draw a recipe's initial noise: one file per RNG algorithm.

An RNG algorithm is a function ``(seed, batch_index, shape, dtype) -> Tensor`` that draws the noise
of one image on the CPU. The caller moves it to the device of the denoiser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import philox_nv, torch_cpu, torch_cpu_half, torch_cuda, variation
from seedwitness.seeds.torch_cpu import BLOCK_SIZE

T = TypeVar("T")
RngAlgorithm = Callable[[int, int, Sequence[int], torch.dtype], Tensor]

RNG_ALGORITHMS: dict[str, RngAlgorithm] = {
    "torch-cpu": torch_cpu.draw_noise,
    "torch-cpu-float16": torch_cpu_half.draw_float16,
    "torch-cpu-bfloat16": torch_cpu_half.draw_bfloat16,
    "philox-nv": philox_nv.draw_noise,
    "torch-cuda": torch_cuda.draw_noise,
}

KEY_COUNT = 2**64
"""Number of seeds that a recipe may name. torch's CPU generator uses the lowest 32 bits of one, and
`philox-nv` all of them."""

MAX_BATCH_SIZE = 1024
"""Most pictures of a batch that is drawn at once."""

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def draw_noise(recipes: Sequence[Recipe], shape: Sequence[int]) -> Tensor:
    """Draw the initial noise of recipes of one dtype: [n, c, h, w].

    ``shape`` is [c, h, w] of one image. Variation seeds are mixed in, and seeds resized, as the
    tools do it. Raises ConfigError for an unknown RNG algorithm, dtype or variation rule, for
    different dtypes, or for a seed out of range.
    """
    dtype = require_one_dtype(recipes)
    return torch.stack([_draw_recipe_noise(recipe, tuple(shape), dtype) for recipe in recipes])


def draw_one(
    rng: str,
    seed: int,
    number: int,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    batch_size: int = 0,
) -> Tensor:
    """Draw the noise ``number``, from 0, of the generator of a seed: [*shape].

    With ``batch_size`` the generator draws the noise of so many pictures at once, as ComfyUI does;
    otherwise one after the other. On the CPU these are the same if 16 divides a picture's elements.
    Raises ConfigError for an unknown RNG algorithm, a seed or a number out of range, and a later
    draw that depends on how many are drawn at once.
    """
    algorithm = _look_up_name(RNG_ALGORITHMS, "RNG algorithm", rng)
    if not 0 <= seed < KEY_COUNT:
        raise ConfigError(f"A seed must be an integer from 0 to {KEY_COUNT - 1}, not {seed}.")
    if batch_size > 1:
        return _draw_of_batch(algorithm, rng, seed, number, shape, dtype, batch_size)
    if number and rng.startswith("torch-cpu") and math.prod(shape) % BLOCK_SIZE:
        raise ConfigError(
            f"Which noise picture {number + 1} of a batch has is not known for {math.prod(shape)} "
            f"elements a picture: {BLOCK_SIZE} does not divide them, so torch draws the batch as a "
            "whole in other blocks than picture by picture. Name the number of its pictures as "
            "the recipe's `batch_size`."
        )
    return algorithm(seed, number, shape, dtype)


def _draw_of_batch(
    algorithm: RngAlgorithm,
    rng: str,
    seed: int,
    number: int,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    batch_size: int,
) -> Tensor:
    if not number < batch_size <= MAX_BATCH_SIZE:
        raise ConfigError(
            f"A batch has up to {MAX_BATCH_SIZE} pictures, and `batch_index` counts them from 0: "
            f"there is no picture {number} in a batch of {batch_size}."
        )
    count = batch_size
    if rng.startswith("torch-cpu") and math.prod(shape) >= BLOCK_SIZE:
        # Only the last elements depend on the end of the batch; the rest is drawn in order.
        count = min(batch_size, number + 2)
    return algorithm(seed, 0, (count, *shape), dtype)[number]


def is_seed_reduced(rng: str, seed: int) -> bool:
    """Whether an RNG algorithm takes a seed modulo 2^32: torch's CPU generator keeps 32 bits."""
    return rng.startswith("torch-cpu") and seed >= torch_cpu.SEED_COUNT


def draw_sequence(rng: str, seed: int, first: int, count: int, shape: Sequence[int]) -> Tensor:
    """Draw ``count`` noises in turn from the generator of one seed: float32 [count, *shape].

    ``first`` is the number of the first one, from 0. Raises ConfigError for an unknown RNG
    algorithm.
    """
    size = math.prod(shape)
    if count > 1 and size % BLOCK_SIZE == 0 and rng.startswith("torch-cpu"):
        # Draws of whole blocks are one long draw.
        whole = draw_one(rng, seed, 0, ((first + count) * size,), torch.float32)
        return whole[first * size :].reshape(count, *shape)
    draws = range(first, first + count)
    return torch.stack([draw_one(rng, seed, k, tuple(shape), torch.float32) for k in draws])


def _draw_recipe_noise(recipe: Recipe, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    def draw(seed: int, seed_shape: tuple[int, ...]) -> Tensor:
        number, size = recipe.batch_index, recipe.batch_size
        return draw_one(recipe.rng, seed, number, seed_shape, dtype, size)

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


def has_resized_seed(recipe: Recipe) -> bool:
    """Whether the noise is drawn for another size than the image's."""
    return recipe.resize_width > 0 and recipe.resize_height > 0


def _compute_seed_shape(recipe: Recipe, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Compute the shape of the seed's noise, which differs from the image's if it is resized."""
    if not has_resized_seed(recipe):
        return shape
    scale = recipe.width // shape[-1]
    return (*shape[:-2], recipe.resize_height // scale, recipe.resize_width // scale)


def require_one_dtype(recipes: Sequence[Recipe]) -> torch.dtype:
    """Return the common dtype of ``recipes``: a seed's noise depends on it. Raises ConfigError."""
    names = {recipe.dtype for recipe in recipes}
    if len(names) != 1:
        raise ConfigError(f"Recipes of one batch must have one dtype, not {len(names)}: {names}.")
    return _look_up_name(DTYPES, "dtype", names.pop())


def _look_up_name(table: Mapping[str, T], description: str, name: str) -> T:
    if name not in table:
        raise ConfigError(f"There is no {description} `{name}`.{suggest_names(name, table)}")
    return table[name]
