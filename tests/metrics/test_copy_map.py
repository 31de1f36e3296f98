"""Maps of agreement: a picture of which one quarter was changed."""

import pytest
import torch

from seedwitness.metrics import copy_map, patch_l2
from seedwitness.metrics.pixels import psnr_scores


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """A target, and the same with its lower right quarter turned to its negative."""
    generator = torch.Generator().manual_seed(1)
    target = torch.randint(0, 256, (3, 64, 96), generator=generator, dtype=torch.uint8)
    picture = target.clone()
    picture[:, 32:, 48:] = 255 - picture[:, 32:, 48:]
    return picture, target


def test_tiles_tell_where_pixels_differ() -> None:
    picture, target = pictures()
    found = copy_map.tiles(picture, target)
    assert found.shape == (16, 16)
    assert (found[:8] == 0).all()
    assert (found[:, :8] == 0).all()
    assert (found[8:, 8:] > copy_map.CLOSE).all()
    whole = ((picture.float() - target.float()) / 255).square().mean().sqrt()
    assert found.square().mean().sqrt() == pytest.approx(float(whole), rel=1e-5)


def test_a_tile_agrees_up_to_what_the_literature_asks_of_tiles() -> None:
    assert patch_l2.INFO.copy_threshold == copy_map.CLOSE
    picture, target = pictures()
    worst = patch_l2.patch_l2(picture.float() / 255, target.float() / 255)
    assert copy_map.tiles(picture, target, patch_l2.TILES).max() == pytest.approx(float(worst))


def test_sides_that_tiles_do_not_divide_are_taken_too() -> None:
    picture, target = pictures()
    assert copy_map.tiles(picture[:, :50, :70], target[:, :50, :70]).shape == (16, 16)


def test_windows_tell_where_a_metric_sees_another_picture() -> None:
    picture, target = pictures()

    def against(made: torch.Tensor, one: torch.Tensor) -> torch.Tensor:
        return psnr_scores(made, one.expand_as(made)).clamp(max=60) / 60

    found = copy_map.windows(against, picture, target)
    assert found.shape == (5, 5)
    assert found[0, 0] == 1
    assert found[4, 4] == found.min() < 0.2
    spread = copy_map.spread(found, 64, 96)
    assert spread.shape == (64, 96)
    assert spread[0, 0] == 1
    assert spread[63, 95] == pytest.approx(float(found[4, 4]))
    assert spread.min() >= found.min()


def test_what_agrees_is_shown_as_it_is_and_the_rest_is_paled() -> None:
    picture, _ = pictures()
    agreement = torch.tensor([[1.0, 0.0], [0.5, 1.0]])
    found = copy_map.shown(picture, agreement)
    assert torch.equal(found[:, :32, :48], picture[:, :32, :48])
    assert (found[:, :32, 48:] >= 224).all()
    assert (found >= picture).all()
