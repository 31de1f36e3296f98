"""RNG algorithms against torch and diffusers, bit by bit."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
import torch
from diffusers.utils.torch_utils import randn_tensor

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import DTYPES, draw_noise, make_step_generators
from seedwitness.seeds.torch_cpu import SEED_COUNT

SHAPE = (4, 8, 8)
RECIPE = Recipe(prompt="", seed=7, width=32, height=32, sampler="ddim", steps=1, guidance=1.0)


def drawn_by_diffusers(seed: int, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn: torch.Tensor = randn_tensor((1, *SHAPE), generator=generator, dtype=dtype)
    return drawn[0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_is_what_diffusers_draws(dtype: str) -> None:
    recipes = [replace(RECIPE, seed=seed, dtype=dtype) for seed in (3, SEED_COUNT - 1)]
    found = draw_noise(recipes, SHAPE)
    assert found.dtype == DTYPES[dtype]
    for row, recipe in zip(found, recipes, strict=True):
        assert torch.equal(row, drawn_by_diffusers(recipe.seed, DTYPES[dtype]))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_rounds_where_blocks_of_16_are_whole(dtype: str) -> None:
    half = [replace(RECIPE, dtype=dtype)]
    assert torch.equal(draw_noise(half, SHAPE), draw_noise([RECIPE], SHAPE).to(DTYPES[dtype]))
    odd = (17,)
    assert (draw_noise(half, odd).float() - draw_noise([RECIPE], odd)).abs().max() > 1


DRAWN_BY_2_11 = {
    ("float16", 0): ("b44cb2f18ac7dcd1", "23eba3531fce02eb"),
    ("float16", 7): ("dd39f6c89989da05", "148473d9a992a1b4"),
    ("float16", SEED_COUNT - 1): ("bbdfe3fc56899d44", "f1a8a39ba51b66f0"),
    ("bfloat16", 0): ("87a097bfc402b472", "17404fa56082f35e"),
    ("bfloat16", 7): ("27205c1909044076", "84a6170c9e8d3bce"),
    ("bfloat16", SEED_COUNT - 1): ("6d0a299dd7f8a049", "60c2e4f822c6af2d"),
}
"""SHA-256 of torch.randn's output in torch 2.11: [4, 64, 64], and a second draw of [4, 8, 8]."""


@pytest.mark.parametrize(("kind", "seed"), DRAWN_BY_2_11)
def test_half_precision_of_torch_2_11_is_equal_in_every_bit(kind: str, seed: int) -> None:
    recipe = replace(RECIPE, seed=seed, rng=f"torch-cpu-{kind}", dtype=kind)
    drawn = draw_noise([recipe], (4, 64, 64)), draw_noise([replace(recipe, batch_index=1)], SHAPE)
    raw = [sha256(each.view(torch.uint8).numpy().tobytes()).hexdigest()[:16] for each in drawn]
    assert tuple(raw) == DRAWN_BY_2_11[kind, seed]
    single = draw_noise([replace(recipe, dtype="float32")], (4, 64, 64))
    assert torch.equal(single, drawn[0].float())


def test_half_precision_of_torch_2_11_needs_whole_blocks() -> None:
    with pytest.raises(ConfigError, match="16 divides the number of elements, as in latents"):
        draw_noise([replace(RECIPE, rng="torch-cpu-float16")], (17,))


def test_a_picture_of_a_batch_is_a_later_draw_of_one_generator() -> None:
    recipes = [replace(RECIPE, batch_index=k) for k in range(3)]
    whole = torch.randn((3, *SHAPE), generator=torch.Generator().manual_seed(RECIPE.seed))
    assert torch.equal(draw_noise(recipes, SHAPE), whole)


def test_step_noise_continues_after_the_initial_noise() -> None:
    (generator,) = make_step_generators([RECIPE], SHAPE)
    one = torch.Generator().manual_seed(RECIPE.seed)
    draws = [torch.randn(SHAPE, generator=one) for _ in range(2)]
    assert torch.equal(torch.randn(SHAPE, generator=generator), draws[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rng": "torch-cpus"}, "Did you mean `torch-cpu`"),
        ({"dtype": "float8"}, "Known are: bfloat16, float16, float32"),
        ({"seed": SEED_COUNT}, "from 0 to 4294967295, not 4294967296"),
        ({"seed": -1}, "not -1"),
        ({"variations": f"{SEED_COUNT}:0.5"}, "not 4294967296"),
        ({"variations": "1:0.5", "variation_rule": "a1111"}, "Known are: automatic1111"),
    ],
)
def test_unknown_names_and_seeds_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        draw_noise([replace(RECIPE, **change)], SHAPE)  # type: ignore[arg-type]


def test_dtypes_are_not_mixed() -> None:
    with pytest.raises(ConfigError, match="one dtype"):
        draw_noise([RECIPE, replace(RECIPE, dtype="float16")], SHAPE)


def test_step_noise_of_a_later_picture_is_refused() -> None:
    with pytest.raises(ConfigError, match="Set eta to 0"):
        make_step_generators([replace(RECIPE, batch_index=1, eta=1.0)], SHAPE)


@pytest.mark.parametrize(
    "change", [{"variations": "1:0.1"}, {"resize_width": 64, "resize_height": 64}]
)
def test_step_noise_of_a_varied_seed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="only for plain seeds"):
        make_step_generators([replace(RECIPE, eta=1.0, **change)], SHAPE)
