"""Variation seeds and seed resize against element-by-element reference loops."""

import math
from dataclasses import replace

import pytest
import torch

from seedwitness.errors import RecordError
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import draw_noise
from seedwitness.seeds.variation import mix_as_vectors, resize_noise

SHAPE = (4, 8, 6)
RECIPE = Recipe(prompt="", seed=7, width=48, height=64, sampler="ddim", steps=1, guidance=1.0)
VARIED = RECIPE.with_variation(9, 0.3)


def slerp(strength: float, a: list[float], b: list[float]) -> list[float]:
    """Interpolate between two vectors by the sines of the parts of their angle."""
    lengths = [math.sqrt(sum(x * x for x in vector)) for vector in (a, b)]
    cosine = sum(x * y for x, y in zip(a, b, strict=True)) / math.prod(lengths)
    angle = math.acos(cosine)
    parts = [math.sin(part * angle) / math.sin(angle) for part in (1 - strength, strength)]
    return [parts[0] * x + parts[1] * y for x, y in zip(a, b, strict=True)]


def both() -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(draw_noise([replace(RECIPE, seed=seed)], SHAPE)[0] for seed in (7, 9))  # type: ignore[return-value]


def test_invokeai_treats_a_noise_as_one_vector() -> None:
    a, b = both()
    mixed = draw_noise([replace(VARIED, variation_rule="invokeai")], SHAPE)[0]
    expected = slerp(0.3, a.flatten().tolist(), b.flatten().tolist())
    assert mixed.flatten().tolist() == pytest.approx(expected, abs=1e-5)


def test_automatic1111_treats_each_column_as_one_vector() -> None:
    a, b = both()
    mixed = draw_noise([VARIED], SHAPE)[0]
    for channel in range(SHAPE[0]):
        for column in range(SHAPE[2]):
            place = (channel, slice(None), column)
            expected = slerp(0.3, a[place].tolist(), b[place].tolist())
            assert mixed[place].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("rule", ["automatic1111", "invokeai"])
def test_strengths_0_and_1_give_the_two_seeds(rule: str) -> None:
    a, b = both()
    small, all_of_it = (
        draw_noise([replace(RECIPE.with_variation(9, strength), variation_rule=rule)], SHAPE)[0]
        for strength in (1e-7, 1.0)
    )
    assert torch.allclose(small, a, atol=1e-5)
    assert torch.allclose(all_of_it, b, atol=1e-5)


def test_a_mixed_vector_has_the_norm_of_noise() -> None:
    mixed = mix_as_vectors(0.5, *both())
    assert mixed.norm() / math.sqrt(mixed.numel()) == pytest.approx(1, abs=0.1)


def test_variations_are_mixed_in_one_after_the_other() -> None:
    a, b = both()
    c = draw_noise([replace(RECIPE, seed=11)], SHAPE)[0]
    walked = replace(
        RECIPE.with_variation(9, 0.3).with_variation(11, 0.5), variation_rule="rotation"
    )
    assert walked.mixed_seeds == [(9, 0.3), (11, 0.5)]
    assert walked.parent == replace(VARIED, variation_rule="rotation").id
    cosine, sine = math.cos(0.15 * math.pi), math.sin(0.15 * math.pi)
    expected = (cosine * a + sine * b + c) * math.sqrt(0.5)
    assert torch.allclose(draw_noise([walked], SHAPE)[0], expected, atol=1e-5)


def test_rotated_noise_stays_normal() -> None:
    walked = replace(RECIPE, variation_rule="rotation")
    for seed in range(100, 120):
        walked = walked.with_variation(seed, 0.2)
    drawn = draw_noise([walked], (4, 64, 64)).flatten()
    assert float(drawn.square().mean()) == pytest.approx(1, abs=0.05)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("text", ["9", "9:", "a:0.1", "9:0.1,", "9:1.5", "9:0.1;8:0.1", "9:nan"])
def test_invalid_variations_are_reported_with_the_format(text: str) -> None:
    with pytest.raises(RecordError, match=r"the form SEED:STRENGTH, separated by commas"):
        draw_noise([replace(RECIPE, variations=text)], SHAPE)


@pytest.mark.parametrize("rng", ["torch-cpu", "philox-nv"])
def test_a_variation_is_drawn_by_the_recipes_rng_algorithm(rng: str) -> None:
    recipe = replace(RECIPE.with_variation(9, 1.0), rng=rng)
    assert torch.allclose(
        draw_noise([recipe], SHAPE),
        draw_noise([replace(RECIPE, rng=rng, seed=9)], SHAPE),
        atol=1e-5,
    )


@pytest.mark.parametrize("size", [(4, 4), (8, 6), (12, 10), (4, 10), (11, 3), (5, 9)])
def test_resized_noise_has_the_inner_noise_in_its_middle(size: tuple[int, int]) -> None:
    outer = draw_noise([RECIPE], SHAPE)[0]
    inner = draw_noise([RECIPE], (4, *size))[0]
    expected = outer.clone()
    for y in range(SHAPE[1]):
        for x in range(SHAPE[2]):
            position = []
            for at, total, length in ((y, SHAPE[1], size[0]), (x, SHAPE[2], size[1])):
                margin = math.floor((total - length) / 2)
                inside = 0 <= at - max(margin, 0) < length + min(2 * margin, 0)
                position.append(at - margin if inside else None)
            if None not in position:
                expected[:, y, x] = inner[:, position[0], position[1]]
    assert torch.equal(resize_noise(outer, inner), expected)


def test_a_recipe_names_the_size_in_pixels() -> None:
    recipe = replace(RECIPE, resize_width=32, resize_height=48)
    own, other = (draw_noise([RECIPE], shape)[0] for shape in (SHAPE, (4, 6, 4)))
    assert torch.equal(draw_noise([recipe], SHAPE)[0], resize_noise(own, other))
