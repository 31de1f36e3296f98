"""Distortions: known answers, and no change at strength zero."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from seedlab.distortions import (
    add_noise,
    blur,
    compress_jpeg,
    crop,
    draw_uniform,
    shift_colour,
    warp,
)


@pytest.fixture
def x() -> Tensor:
    """Three smooth pictures, [3, 3, 32, 48]."""
    coarse = torch.rand(3, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, (32, 48), mode="bicubic").clamp(0, 1)


def test_zero_changes_nothing(x: Tensor) -> None:
    zero, one = torch.zeros(3), torch.ones(3)
    generator = torch.Generator().manual_seed(1)
    for same in (
        warp(x),
        warp(x, zoom=one, right=zero, down=zero, angle=zero, mirrored=zero),
        crop(x, one, one, one),
        shift_colour(x, brightness=zero, contrast=one, saturation=one, cast=torch.ones(3, 3)),
        blur(x, zero),
        add_noise(x, zero, generator),
    ):
        torch.testing.assert_close(same, x, atol=1e-5, rtol=0)


def test_mirror_and_quarter_turn_are_exact(x: Tensor) -> None:
    mirrored = torch.tensor([True, False, True])
    y = warp(x, mirrored=mirrored)
    torch.testing.assert_close(y[mirrored], x[mirrored].flip(-1), atol=1e-4, rtol=0)
    torch.testing.assert_close(y[1], x[1], atol=1e-5, rtol=0)
    square = x[..., :32]
    turned = warp(square, angle=torch.full((3,), torch.pi / 2))
    either = [torch.rot90(square, k, (-2, -1)) for k in (1, 3)]
    assert min(float((turned - r).abs().max()) for r in either) < 1e-4


def test_a_turn_is_rigid_where_the_picture_is_not_square() -> None:
    down, right = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(80) - 39.5, indexing="ij")
    radius = (down.square() + right.square()).sqrt()
    disc = (radius < 14).float().expand(1, 3, 40, 80)
    turned = warp(disc, angle=torch.tensor([0.7]))
    inside = radius < 19  # outside of it, a turn brings in what the borders reflect
    assert float((turned - disc)[..., inside].abs().mean()) < 0.03


def test_a_crop_shows_its_part_alone() -> None:
    x = torch.zeros(1, 3, 32, 32)
    x[..., :16, 16:] = 1.0  # the upper right quarter
    quarter = torch.tensor([0.25])
    corner = crop(x, quarter, torch.ones(1), -torch.ones(1))
    assert corner[..., 1:-1, 1:-1].min() == 1.0
    assert crop(x, quarter, -torch.ones(1), torch.ones(1))[..., 1:-1, 1:-1].max() == 0.0


def test_colour_shifts_have_known_answers(x: Tensor) -> None:
    grey = shift_colour(x, saturation=torch.zeros(3))
    torch.testing.assert_close(grey[:, 0], grey[:, 2])
    flat = shift_colour(x, contrast=torch.zeros(3))
    torch.testing.assert_close(flat, x.mean((1, 2, 3), keepdim=True).expand_as(x))
    dim = shift_colour(x, cast=torch.full((3, 3), 0.5), brightness=torch.full((3,), 0.1))
    torch.testing.assert_close(dim, x * 0.5 + 0.1)


def test_blur_spreads_a_point_like_a_gaussian() -> None:
    x = torch.zeros(2, 3, 33, 33)
    x[..., 16, 16] = 1.0
    y = blur(x, torch.tensor([1.0, 2.0]))
    at = torch.arange(-16.0, 17.0)
    for picture, sigma in zip(y, (1.0, 2.0), strict=True):
        profile = picture[0].sum(0)
        assert float(profile.sum()) == pytest.approx(1.0, abs=1e-4)
        assert float((profile * at.square()).sum().sqrt()) == pytest.approx(sigma, rel=0.02)


def test_noise_has_the_deviation_asked_for() -> None:
    x = torch.full((2, 3, 64, 64), 0.5)
    y = add_noise(x, torch.tensor([0.02, 0.1]), torch.Generator().manual_seed(3))
    assert (y - x).std((1, 2, 3)).tolist() == pytest.approx([0.02, 0.1], rel=0.03)


def test_jpeg_is_pillows(x: Tensor) -> None:
    y = compress_jpeg(x, [30, 60, 90])
    pixels = (x[1] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=60)
    with Image.open(file) as read:
        assert np.array_equal((y[1] * 255).round().permute(1, 2, 0).numpy(), np.asarray(read))


def test_draws_stay_between_their_bounds() -> None:
    numbers = draw_uniform(-2.0, 3.0, 1000, torch.Generator().manual_seed(1))
    assert -2 <= numbers.min() < -1.9
    assert 2.9 < numbers.max() <= 3
