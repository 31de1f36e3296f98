"""Copy-detection descriptors: any TorchScript file, its preprocessing, clear errors."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from seedlab import descriptor as lab_descriptor
from seedwitness.errors import CheckpointError
from seedwitness.metrics import LAB_WEIGHTS, UNVERIFIED_WEIGHTS
from seedwitness.metrics.descriptor import (
    PUBLISHED_PREPROCESSING,
    Preprocessing,
    compute_cosines,
    load_descriptor,
    score_pairs,
)

SHRUNK = lab_descriptor.DescriptorSettings(widths=(8, 12), dimensions=8)
PICTURES = torch.randint(
    256, (7, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("descriptor")
    return lab_descriptor.save_descriptor(lab_descriptor.build_descriptor(SHRUNK), folder, size=32)


@pytest.fixture
def copied(weights: Path, tmp_path: Path) -> Path:
    shutil.copytree(weights.parent, tmp_path / "copied")
    return tmp_path / "copied" / weights.name


def test_cosines_have_known_answers() -> None:
    a = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    b = torch.tensor([[1.0, 0.0], [0.0, -3.0], [5.0, 5.0]])
    root = 2**-0.5
    expected = torch.tensor([[1, 0, root], [root, -root, 1]])
    torch.testing.assert_close(compute_cosines(a, b), expected)


@pytest.mark.parametrize("shape", [(40, 60), (90, 61), (333, 512)])
def test_preprocessing_is_that_of_the_published_readme(shape: tuple[int, int]) -> None:
    array = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    readme = transforms.Compose(
        [
            transforms.Resize(288),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )
    theirs = readme(Image.fromarray(array))
    ours = PUBLISHED_PREPROCESSING["sscd_disc_mixup"](
        torch.from_numpy(array).permute(2, 0, 1)[None]
    )[0]
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_square_preprocessing_stretches() -> None:
    assert Preprocessing(size=20, square=True)(PICTURES[..., :16]).shape == (7, 3, 20, 20)


def test_embeddings_have_unit_length_for_any_batch_size(weights: Path) -> None:
    descriptor = load_descriptor(weights)
    whole = descriptor.embed(PICTURES)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(7))
    torch.testing.assert_close(descriptor.embed(PICTURES, batch_size=2), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(descriptor.embed(PICTURES.flip(0)).flip(0), whole, atol=1e-5, rtol=0)
    others = PICTURES.roll(1, 0)
    paired = score_pairs(descriptor, PICTURES, others, batch_size=3)
    torch.testing.assert_close(
        paired, compute_cosines(whole, descriptor.embed(others)).diagonal(), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(score_pairs(descriptor, PICTURES, PICTURES), torch.ones(7))


def test_the_record_describes_the_weights(weights: Path) -> None:
    info = load_descriptor(weights).info
    assert info.label == LAB_WEIGHTS
    assert info.higher_is_closer
    assert info.copy_threshold is None
    assert info.weights_sha256 == json.loads(weights.with_suffix(".json").read_text())["sha256"]


def test_a_published_file_needs_no_card(weights: Path, tmp_path: Path) -> None:
    published = tmp_path / "sscd_disc_mixup.torchscript.pt"
    shutil.copy(weights, published)
    descriptor = load_descriptor(published)
    assert descriptor.preprocessing == Preprocessing(size=288, square=False)
    assert (descriptor.info.label, descriptor.info.copy_threshold) == (UNVERIFIED_WEIGHTS, 0.75)
    assert descriptor.info.title == "sscd_disc_mixup"
    assert descriptor.embed(PICTURES[:2]).shape == (2, 8)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    published = tmp_path / "sscd_disc_mixup.torchscript.pt"
    with pytest.raises(CheckpointError, match=r"curl -L -o .*sscd_disc_mixup.* https://"):
        load_descriptor(published)
    with pytest.raises(CheckpointError, match=r"no .*other\.pt.*make lab"):
        load_descriptor(tmp_path / "other.pt")


def test_a_missing_card_is_named(copied: Path) -> None:
    copied.with_suffix(".json").unlink()
    with pytest.raises(CheckpointError, match=r"descriptor\.json"):
        load_descriptor(copied)


def test_an_incomplete_or_invalid_card_is_refused(copied: Path) -> None:
    card = json.loads(copied.with_suffix(".json").read_text())
    del card["mean"]
    copied.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="lacks mean"):
        load_descriptor(copied)
    copied.with_suffix(".json").write_text("{")
    with pytest.raises(CheckpointError, match="not JSON"):
        load_descriptor(copied)


def test_weights_of_another_card_are_refused(copied: Path) -> None:
    copied.write_bytes(copied.read_bytes() + b" ")
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_descriptor(copied)


def test_a_file_that_is_not_torchscript_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "sscd_disc_blur.torchscript.pt"
    broken.write_bytes(b"<html>not found</html>")
    with pytest.raises(CheckpointError, match="not a TorchScript"):
        load_descriptor(broken)
