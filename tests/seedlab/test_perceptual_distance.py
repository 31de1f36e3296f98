"""The lab's LPIPS: distortion series and their order, training and saving."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seedlab import perceptual_distance as lab_distance
from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedlab.perceptual_distance import DISTORTIONS, STRENGTHS, PerceptualDistanceSettings
from seedwitness.metrics import LAB_WEIGHTS, lpips_distance

SHRUNK = PerceptualDistanceSettings(crop=32, pictures_per_kind=1, steps=4)
PLAN = plan_sketches(1, themes=6, once=6, held_out=0, planted={}, twins_each=0)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """uint8 [6, 3, 48, 48]"""
    arrays = [np.array(draw_picture(sketch.theme, sketch.seed, 48)) for sketch in PLAN]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def trained(pictures: Tensor, tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    folder = tmp_path_factory.mktemp("distance")
    model = lab_distance.train_distance(
        pictures, SHRUNK, data_key="6", scratch=folder / "scratch", log=folder / "log.jsonl"
    )
    return model, lab_distance.save_distance(model, folder)


def rms(a: Tensor, b: Tensor) -> Tensor:
    return (a.float() - b.float()).square().mean((1, 2, 3)).sqrt()


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_a_distortion_series_moves_away_and_ends_at_the_other_picture(
    kind: str, pictures: Tensor
) -> None:
    x = pictures.float() / 255
    other = x.roll(1, 0)
    levels = lab_distance.build_distortion_series(kind, x, other, torch.Generator().manual_seed(1))
    assert levels.shape == (len(STRENGTHS) + 1, *x.shape)
    assert torch.equal(levels[-1], other)
    assert 0 <= levels.min() <= levels.max() <= 1
    error = (levels - x).square().mean((1, 2, 3, 4))
    assert (error[:-1].diff() > 0).all(), error
    again = lab_distance.build_distortion_series(kind, x, other, torch.Generator().manual_seed(1))
    assert torch.equal(levels, again)


def test_the_loss_has_known_answers() -> None:
    climbing = torch.tensor([0.1, 0.2, 0.3, 0.4, 1.0])[:, None]
    assert lab_distance.ranking_loss(climbing, margin=0.05)["loss"].item() == 0
    falling = lab_distance.ranking_loss(climbing.flip(0), margin=0.05)
    assert falling["rank"].item() == pytest.approx((0.65 + 3 * 0.15) / 4)
    assert falling["scale"].item() == pytest.approx(0.81)


def test_ranking_has_known_answers(pictures: Tensor) -> None:
    pairs = len(pictures) * len(STRENGTHS)
    result = lab_distance.count_ordered_pairs(rms, pictures, batch=4)
    assert set(result) == set(DISTORTIONS)
    assert result["mix"] == (pairs, pairs)
    assert lab_distance.count_ordered_pairs(lambda a, b: -rms(a, b), pictures)["mix"] == (0, pairs)
    even = lab_distance.count_ordered_pairs(lambda a, b: torch.zeros(len(a)), pictures)
    assert {right for right, _ in even.values()} == {0}


def test_the_share_is_over_all_kinds(trained: tuple[nn.Module, Path], pictures: Tensor) -> None:
    result = lab_distance.measure_ranking(lpips_distance.load_lab(trained[1]), pictures)
    assert result["pairs"] == len(pictures) * len(STRENGTHS) * len(DISTORTIONS)
    assert result["all"] == pytest.approx(sum(result[k] for k in DISTORTIONS) / len(DISTORTIONS))
    assert result["mix"] > 0.5


def test_what_is_loaded_is_what_was_trained(
    trained: tuple[nn.Module, Path], pictures: Tensor
) -> None:
    model, path = trained
    loaded = lpips_distance.load_lab(path)
    assert loaded.info.label == LAB_WEIGHTS
    assert LAB_WEIGHTS in loaded.info.title
    others = pictures.roll(1, 0)
    with torch.no_grad():
        x, y = (p.float() / 127.5 - 1 for p in (pictures, others))
        ours = lpips_distance.compute_distances(model, x, y)
    torch.testing.assert_close(lpips_distance.score_pairs(loaded, pictures, others), ours)
    assert path.stat().st_size < 1.6e6


def test_it_is_a_distance(trained: tuple[nn.Module, Path], pictures: Tensor) -> None:
    model, path = trained
    assert all((head >= 0).all() for head in lab_distance.list_heads(model))
    assert len(lab_distance.list_heads(model)) == 7
    loaded = lpips_distance.load_lab(path)
    others = pictures.roll(1, 0)
    assert lpips_distance.score_pairs(loaded, pictures, pictures).abs().max() == 0
    there, back = (
        lpips_distance.score_pairs(loaded, *pair)
        for pair in ((pictures, others), (others, pictures))
    )
    torch.testing.assert_close(there, back)
    assert there.min() > 0


def test_trunk_and_heads_both_learn(trained: tuple[nn.Module, Path]) -> None:
    before = lab_distance.build_distance(SHRUNK).state_dict()
    changed = {
        name.split(".")[0]
        for name, value in trained[0].state_dict().items()
        if not torch.allclose(value, before[name], atol=1e-3)
    }
    assert {"net", "lin0", "lin6"} <= changed


def test_fewer_pictures_than_a_step_takes_will_do(pictures: Tensor, tmp_path: Path) -> None:
    settings = PerceptualDistanceSettings(crop=64, pictures_per_kind=1, steps=1)
    lab_distance.train_distance(
        pictures[:3], settings, data_key="3", scratch=tmp_path, log=tmp_path / "log.jsonl"
    )
