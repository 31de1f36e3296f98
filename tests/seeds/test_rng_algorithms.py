"""RNG algorithms against torch and diffusers, bit by bit."""

from dataclasses import replace
from hashlib import sha256

import pytest
import torch
from diffusers.utils.torch_utils import randn_tensor

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import DTYPES, KEY_COUNT, draw_noise, draw_sequence
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rng": "torch-cpus"}, "Did you mean `torch-cpu`"),
        ({"dtype": "float8"}, "Known are: bfloat16, float16, float32"),
        ({"seed": KEY_COUNT}, "from 0 to 18446744073709551615, not 18446744073709551616"),
        ({"seed": -1}, "not -1"),
        ({"variations": f"{KEY_COUNT}:0.5"}, "not 18446744073709551616"),
        ({"variations": "1:0.5", "variation_rule": "a1111"}, "Known are: automatic1111"),
    ],
)
def test_unknown_names_and_seeds_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        draw_noise([replace(RECIPE, **change)], SHAPE)  # type: ignore[arg-type]


def test_dtypes_are_not_mixed() -> None:
    with pytest.raises(ConfigError, match="one dtype"):
        draw_noise([RECIPE, replace(RECIPE, dtype="float16")], SHAPE)


def test_a_seed_of_64_bits_is_taken_as_each_tool_takes_it() -> None:
    """torch's CPU generator uses the lowest 32 bits, Philox all of them."""
    large, small = 875_797_394_946_022, 875_797_394_946_022 % SEED_COUNT
    recipes = [replace(RECIPE, seed=seed) for seed in (large, small)]
    assert small == 2_023_684_070
    assert torch.equal(*draw_noise(recipes, SHAPE))
    torch_draw = torch.randn(SHAPE, generator=torch.Generator().manual_seed(large))
    assert torch.equal(draw_noise(recipes, SHAPE)[0], torch_draw)
    large_noise, small_noise = draw_noise(
        [replace(each, rng="philox-nv") for each in recipes], SHAPE
    )
    assert not torch.equal(large_noise, small_noise)


@pytest.mark.parametrize("size", [(4, 75, 75), (4, 125, 125), (4, 50, 75)])
def test_a_later_picture_of_a_batch_of_odd_size_is_refused(size: tuple[int, ...]) -> None:
    """torch draws the whole batch in other blocks than picture by picture."""
    whole = torch.randn((4, *size), generator=torch.Generator().manual_seed(7))
    assert torch.equal(draw_noise([RECIPE], size)[0], whole[0]) == (size[1] * size[2] % 4 == 0)
    with pytest.raises(ConfigError, match="Which noise picture 3 of a batch has is not known"):
        draw_noise([replace(RECIPE, batch_index=2)], size)


@pytest.mark.parametrize("size", [(4, 64, 64), (4, 75, 75), (4, 125, 125), (4, 50, 75), (1, 3, 5)])
@pytest.mark.parametrize("count", [2, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_picture_of_a_batch_that_is_drawn_at_once(
    size: tuple[int, ...], count: int, dtype: str
) -> None:
    generator = torch.Generator().manual_seed(RECIPE.seed)
    whole = torch.randn((count, *size), generator=generator, dtype=DTYPES[dtype])
    recipes = [replace(RECIPE, batch_index=k, batch_size=count, dtype=dtype) for k in range(count)]
    assert torch.equal(draw_noise(recipes, size), whole)
    with pytest.raises(ConfigError, match=f"no picture {count} in a batch of {count}"):
        draw_noise([replace(recipes[0], batch_index=count)], size)


def test_a_batch_on_a_gpu_counts_its_elements_through() -> None:
    """philox-nv's counter names the element within the tensor that is drawn."""
    recipes = [replace(RECIPE, rng="philox-nv", batch_index=k, batch_size=3) for k in range(3)]
    whole = draw_noise([replace(RECIPE, rng="philox-nv")], (3, *SHAPE))[0]
    assert torch.equal(draw_noise(recipes, SHAPE), whole)


@pytest.mark.parametrize(
    ("rng", "shape"),
    [
        ("torch-cpu", SHAPE),
        ("torch-cpu-float16", SHAPE),
        ("philox-nv", SHAPE),
        ("philox-nv", (3, 5)),
    ],
)
def test_a_sequence_is_one_draw_after_the_other(rng: str, shape: tuple[int, ...]) -> None:
    sequence = draw_sequence(rng, 7, 1, 3, shape)
    for number, drawn in enumerate(sequence, 1):
        again = draw_noise([replace(RECIPE, rng=rng, batch_index=number)], shape)[0]
        assert torch.equal(drawn, again)
