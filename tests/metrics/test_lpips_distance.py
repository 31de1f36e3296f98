"""LPIPS: the package's own numbers, published or lab weights by file, clear errors."""

import json
import shutil
from pathlib import Path

import lpips
import pytest
import torch
import torchvision

from seedlab import perceptual_distance as lab_distance
from seedwitness.errors import CheckpointError
from seedwitness.metrics import LAB_WEIGHTS, PUBLISHED_WEIGHTS, UNVERIFIED_WEIGHTS
from seedwitness.metrics.lpips_distance import TRUNKS, load_lab, load_published, score_pairs
from seedwitness.runtime.hashes import sha256_file

FIRST, SECOND = torch.randint(
    256, (2, 5, 3, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = lab_distance.PerceptualDistanceSettings()
    folder = tmp_path_factory.mktemp("lpips")
    return lab_distance.save_distance(lab_distance.build_distance(settings), folder)


@pytest.fixture(scope="module")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trunk in torchvision's format; random weights suffice for the comparison."""
    path = tmp_path_factory.mktemp("trunk") / TRUNKS["squeeze"]
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), path)
    return path


@pytest.mark.filterwarnings("ignore:The parameter 'pretrained':UserWarning")
@pytest.mark.filterwarnings("ignore:Arguments other than a weight enum:UserWarning")
def test_published_weights_give_the_packages_numbers(trunk: Path) -> None:
    reference = lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False)
    layers = torch.load(trunk)
    for slice_ in reference.net.children():
        for number, layer in slice_.named_children():
            for name, value in layer.named_parameters():
                value.data.copy_(layers[f"features.{number}.{name}"])
    with torch.no_grad():
        theirs = reference(FIRST / 255, SECOND / 255, normalize=True).flatten()
    loaded = load_published(trunk, "squeeze")
    torch.testing.assert_close(score_pairs(loaded, FIRST, SECOND), theirs, atol=1e-5, rtol=1e-5)
    assert (loaded.info.label, loaded.info.title) == (UNVERIFIED_WEIGHTS, "lpips-squeeze")


def test_a_trunk_is_published_if_it_has_the_hash_of_its_name(
    trunk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = f"squeezenet1_1-{sha256_file(trunk)[:8]}.pth"
    monkeypatch.setitem(TRUNKS, "squeeze", named)
    assert load_published(trunk, "squeeze").info.label == PUBLISHED_WEIGHTS


def test_scores_are_independent_of_the_batch_size(lab: Path) -> None:
    loaded = load_lab(lab)
    whole = score_pairs(loaded, FIRST, SECOND)
    assert whole.shape == (5,)
    torch.testing.assert_close(
        score_pairs(loaded, FIRST, SECOND, batch_size=2), whole, atol=1e-5, rtol=0
    )


def test_the_record_describes_the_weights(lab: Path) -> None:
    info = load_lab(lab).info
    assert info.label == LAB_WEIGHTS
    assert not info.higher_is_closer
    assert info.weights_sha256 == json.loads(lab.with_suffix(".json").read_text())["sha256"]


def test_a_missing_trunk_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"curl -L -o .*trunk\.pth https://.*squeezenet1_1"):
        load_published(tmp_path / "trunk.pth", "squeeze")


def test_an_unknown_trunk_is_refused_with_the_known_ones(trunk: Path) -> None:
    with pytest.raises(CheckpointError, match="alex, squeeze, vgg"):
        load_published(trunk, "resnet")


def test_a_trunk_of_another_kind_is_refused(trunk: Path) -> None:
    with pytest.raises(CheckpointError, match="not torchvision's alex"):
        load_published(trunk, "alex")


def test_a_broken_trunk_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trunk.pth").write_bytes(b"<html>not found</html>")
    with pytest.raises(CheckpointError, match="not torchvision's squeeze"):
        load_published(tmp_path / "trunk.pth", "squeeze")


def test_missing_or_foreign_lab_weights_are_refused(lab: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="make lab"):
        load_lab(tmp_path / "lpips.safetensors")
    shutil.copytree(lab.parent, tmp_path / "copied")
    copied = tmp_path / "copied" / lab.name
    copied.write_bytes(copied.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_lab(copied)
    lab_distance.write_card(copied, {"name": "cut off", "net": "squeeze"})
    with pytest.raises(CheckpointError, match="no LPIPS on squeeze"):
        load_lab(copied)
    shutil.copy(lab, copied)
    lab_distance.write_card(copied, {"name": "wrong trunk", "net": "alex"})
    with pytest.raises(CheckpointError, match="no LPIPS on alex"):
        load_lab(copied)


@pytest.mark.parametrize("batch", [2, 3, 32])
def test_one_reference_is_compared_with_every_picture(lab: Path, batch: int) -> None:
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(0, 256, (5, 3, 64, 64), generator=generator, dtype=torch.uint8)
    reference = pictures[3:4].flip(-1)
    repeated = score_pairs(load_lab(lab), pictures, reference.expand_as(pictures))
    found = score_pairs(load_lab(lab), pictures, reference, batch)
    torch.testing.assert_close(found, repeated, atol=1e-5, rtol=0)
