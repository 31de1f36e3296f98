"""The lab's copy descriptor: loss, training, saving and recall."""

import math
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seedlab import descriptor as lab_descriptor
from seedlab.copy_recall import EDITS, measure_copy_recall
from seedlab.descriptor import DescriptorNetwork, DescriptorSettings
from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.metrics import LAB_WEIGHTS
from seedwitness.metrics import descriptor as metric

SHRUNK = DescriptorSettings(widths=(8, 12, 16), dimensions=16, batch=12, steps=6)
PLAN = plan_sketches(1, themes=24, once=24, held_out=0, planted={}, twins_each=0)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """uint8 [24, 3, 32, 32]"""
    arrays = [np.array(draw_picture(sketch.theme, sketch.seed, 32)) for sketch in PLAN]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def train(
    pictures: Tensor, folder: Path, settings: DescriptorSettings = SHRUNK
) -> DescriptorNetwork:
    return lab_descriptor.train_descriptor(
        pictures, settings, data_key="24", scratch=folder / "scratch", log=folder / "log.jsonl"
    )


def test_the_loss_has_known_answers() -> None:
    z = torch.eye(4)
    parts = lab_descriptor.contrastive_loss(z, z, temperature=0.1, entropy_weight=2.0)
    # Each has its copy at 1 and six strangers at 0, all at a distance of the root of two.
    contrast = math.log(1 + 6 * math.exp(-10))
    entropy = -math.log(math.sqrt(2))
    assert parts["contrast"].item() == pytest.approx(contrast, abs=1e-6)
    assert parts["entropy"].item() == pytest.approx(entropy)
    assert parts["loss"].item() == pytest.approx(contrast + 2 * entropy)


def test_spreading_out_lowers_the_entropy_term() -> None:
    wide = torch.nn.functional.normalize(torch.randn(16, 8), dim=1)
    narrow = torch.nn.functional.normalize(wide + 3, dim=1)
    apart = [lab_descriptor.contrastive_loss(z, z, 0.05, 1.0)["entropy"] for z in (wide, narrow)]
    assert apart[0] < apart[1]


def test_copies_depend_on_the_generator_alone(pictures: Tensor) -> None:
    x = pictures.float() / 255
    first, again, other = (
        lab_descriptor.edit_copies(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == x.shape
    assert 0 <= first.min() <= first.max() <= 1


def test_what_is_loaded_is_what_was_trained(pictures: Tensor, tmp_path: Path) -> None:
    network = train(pictures, tmp_path)
    path = lab_descriptor.save_descriptor(network, tmp_path, size=32)
    loaded = metric.load_descriptor(path)
    assert loaded.info.label == LAB_WEIGHTS
    with torch.no_grad():
        ours = network(
            lab_descriptor.choose_preprocessing(pictures).normalise(pictures.float() / 255)
        )
    torch.testing.assert_close(loaded.embed(pictures), ours, atol=1e-5, rtol=0)
    # Made for 32 × 32, it takes any number of pictures of any size, and says how it resizes them.
    assert loaded.embed(pictures[:1, :, :20].repeat(3, 1, 1, 2)).shape == (3, 16)
    records = zipfile.ZipFile(path).namelist()
    assert not [name for name in records if "debug" in name]


def test_the_same_training_ends_in_the_same_weights(pictures: Tensor, tmp_path: Path) -> None:
    first, second = (train(pictures, tmp_path / name) for name in ("first", "second"))
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_training_helps_where_pixels_fail(pictures: Tensor, tmp_path: Path) -> None:
    untrained = lab_descriptor.build_descriptor(SHRUNK).eval()
    trained = train(pictures, tmp_path, replace(SHRUNK, steps=150))
    ready = lab_descriptor.choose_preprocessing(pictures)

    def recall(network: DescriptorNetwork) -> float:
        with torch.no_grad():
            recalls = measure_copy_recall(lambda x: network(ready(x)), pictures)
        return recalls["colour shift"]

    assert recall(trained) > recall(untrained) + 0.1


def test_recall_has_known_answers(pictures: Tensor) -> None:
    def pixels(x: Tensor) -> Tensor:
        return x.float().flatten(1) - 128

    def counted(x: Tensor) -> Tensor:
        return torch.cat([torch.ones(len(x), 1), torch.zeros(len(x), 2)], 1)

    recalls = measure_copy_recall(pixels, pictures)
    assert list(recalls) == list(EDITS)
    assert recalls["jpeg 40"] == 1
    assert recalls["flip"] < 1
    assert measure_copy_recall(counted, pictures)["flip"] == pytest.approx(1 / len(pictures))


def test_the_default_settings_give_a_small_file(tmp_path: Path) -> None:
    path = lab_descriptor.save_descriptor(
        lab_descriptor.build_descriptor(DescriptorSettings()), tmp_path, size=128
    )
    assert path.stat().st_size < 2.5e6
