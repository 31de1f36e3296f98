"""The noise that samplers add after their steps, as the tools draw it."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import draw_noise
from seedwitness.seeds.step_noise import INVOKEAI_MASK, iter_step_noise

SHAPE = (4, 8, 8)
RECIPE = Recipe("", 7, 32, 32, "euler-a", 3, 1.0)


def draws(recipe: Recipe) -> list[torch.Tensor]:
    return [noise[0] for noise in islice(iter_step_noise([recipe], SHAPE), 3)]


@pytest.mark.parametrize("rng", ["torch-cpu", "torch-cpu-bfloat16", "philox-nv"])
def test_the_generator_of_the_initial_noise_goes_on(rng: str) -> None:
    later = [replace(RECIPE, rng=rng, batch_index=number) for number in (1, 2, 3)]
    for drawn, recipe in zip(draws(replace(RECIPE, rng=rng)), later, strict=True):
        assert torch.equal(drawn, draw_noise([recipe], SHAPE)[0])


def test_diffusers_draws_the_same() -> None:
    generator = torch.Generator().manual_seed(7)
    expected = [torch.randn((1, *SHAPE), generator=generator)[0] for _ in range(4)]
    assert all(map(torch.equal, draws(RECIPE), expected[1:]))


@pytest.mark.parametrize("rng", ["torch-cpu", "philox-nv"])
def test_a_new_generator_begins_with_its_first_draw(rng: str) -> None:
    """ComfyUI: the same seed, so that the initial noise comes once more; InvokeAI: another."""
    recipe = replace(RECIPE, rng=rng, step_seed=7)
    initial = draw_noise([recipe], SHAPE)[0]
    assert torch.equal(draws(recipe)[0], initial)
    assert torch.equal(draws(recipe)[1], draws(replace(RECIPE, rng=rng))[0])
    other = replace(recipe, step_seed=7 ^ INVOKEAI_MASK)
    assert torch.equal(draws(other)[0], draw_noise([replace(recipe, seed=2**32 - 8)], SHAPE)[0])


def test_every_recipe_has_its_own_noise() -> None:
    together = next(iter_step_noise([RECIPE, replace(RECIPE, seed=8)], SHAPE))
    assert torch.equal(together[1], draws(replace(RECIPE, seed=8))[0])


@pytest.mark.parametrize(
    "change",
    [{"variations": "1:0.1"}, {"resize_width": 64, "resize_height": 64}, {"batch_index": 1}],
)
def test_step_noise_of_other_than_plain_seeds_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="which is known only for plain seeds"):
        iter_step_noise([replace(RECIPE, **change)], SHAPE)  # type: ignore[arg-type]
