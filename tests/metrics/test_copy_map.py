"""Maps of agreement for a picture with one changed quarter."""

import pytest
import torch

from seedwitness.metrics import copy_map, patch_l2
from seedwitness.metrics.pixels import score_psnr


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Make a target, and a copy whose lower right quarter is inverted."""
    generator = torch.Generator().manual_seed(1)
    target = torch.randint(0, 256, (3, 64, 96), generator=generator, dtype=torch.uint8)
    picture = target.clone()
    picture[:, 32:, 48:] = 255 - picture[:, 32:, 48:]
    return picture, target


def test_tiles_show_where_pixels_differ() -> None:
    picture, target = pictures()
    differences = copy_map.compute_tile_differences(picture, target)
    assert differences.shape == (16, 16)
    assert (differences[:8] == 0).all()
    assert (differences[:, :8] == 0).all()
    assert (differences[8:, 8:] > copy_map.MAX_TILE_DIFFERENCE).all()
    whole = ((picture.float() - target.float()) / 255).square().mean().sqrt()
    assert differences.square().mean().sqrt() == pytest.approx(float(whole), rel=1e-5)


def test_a_tile_agrees_up_to_the_literatures_threshold() -> None:
    assert patch_l2.INFO.copy_threshold == copy_map.MAX_TILE_DIFFERENCE
    picture, target = pictures()
    worst = patch_l2.patch_l2(picture.float() / 255, target.float() / 255)
    assert copy_map.compute_tile_differences(
        picture, target, patch_l2.TILE_COUNT
    ).max() == pytest.approx(float(worst))


def test_sides_may_be_indivisible_by_the_tiles() -> None:
    picture, target = pictures()
    assert copy_map.compute_tile_differences(picture[:, :50, :70], target[:, :50, :70]).shape == (
        16,
        16,
    )


def test_windows_show_where_a_metric_differs() -> None:
    picture, target = pictures()

    def score(pictures_: torch.Tensor, target_: torch.Tensor) -> torch.Tensor:
        return score_psnr(pictures_, target_.expand_as(pictures_)).clamp(max=60) / 60

    scores = copy_map.score_windows(score, picture, target)
    assert scores.shape == (5, 5)
    assert scores[0, 0] == 1
    assert scores[4, 4] == scores.min() < 0.2
    spread = copy_map.spread_window_scores(scores, 64, 96)
    assert spread.shape == (64, 96)
    assert spread[0, 0] == 1
    assert spread[63, 95] == pytest.approx(float(scores[4, 4]))
    assert spread.min() >= scores.min()


def test_agreement_is_unchanged_and_disagreement_is_faded() -> None:
    picture, _ = pictures()
    agreement = torch.tensor([[1.0, 0.0], [0.5, 1.0]])
    faded = copy_map.fade_disagreement(picture, agreement)
    assert torch.equal(faded[:, :32, :48], picture[:, :32, :48])
    assert (faded[:, :32, 48:] >= 224).all()
    assert (faded >= picture).all()
