"""DINOv2 and DreamSim: real classes with random weights, against their libraries."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import transforms
from transformers import Dinov2Config, Dinov2Model

from seedwitness.config.verdicts import ScoreSettings
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.metrics import dinov2, dreamsim
from seedwitness.metrics.scoring import load_metrics
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.hashes import sha256_file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    config = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, patch_size=32, image_size=64
    )
    place = tmp_path_factory.mktemp("weights") / "tiny"
    Dinov2Model(config).save_pretrained(place)
    return place


class Distance(nn.Module):
    """One minus the cosine of means over rows: a distance of the same kind and range."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        x = a.mean(-1).flatten(1) - 0.5
        y = b.mean(-1).flatten(1) - 0.5
        return 1 - F.cosine_similarity(x, y, dim=1)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "dreamsim.pt"
    x = torch.rand(2, 3, 224, 224)
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.trace(Distance(), (x, x)).save(str(path))
    return path


def pictures(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, 40, 56), generator=generator, dtype=torch.uint8)


def test_dinov2_is_the_class_token_of_transformers(folder: Path) -> None:
    loaded = dinov2.load_dinov2(folder)
    model = Dinov2Model.from_pretrained(folder, local_files_only=True).eval()
    x = loaded.preprocessing(pictures(3))
    assert x.shape == (3, 3, 224, 224)
    with torch.no_grad():
        expected = F.normalize(model(x).pooler_output, dim=-1)
    torch.testing.assert_close(loaded.embed(pictures(3)), expected, rtol=0, atol=1e-5)
    assert loaded.info.weights_sha256 == sha256_file(folder / "model.safetensors")


def test_dreamsim_is_computed_by_its_file(traced: Path) -> None:
    loaded = dreamsim.load_dreamsim(traced)
    first, second = pictures(3), pictures(3).flip(0)
    preprocess = transforms.Compose(  # as its package has it
        [
            transforms.ToPILImage(),
            transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
        ]
    )
    x, y = (torch.stack([preprocess(picture) for picture in stack]) for stack in (first, second))
    torch.testing.assert_close(
        loaded.score_pairs(first, second), Distance()(x, y), rtol=0, atol=1e-5
    )
    assert loaded.score_pairs(first, first).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["dinov2", "dreamsim"])
def test_the_batch_size_makes_no_difference(name: str, folder: Path, traced: Path) -> None:
    weights = {"dinov2": folder, "dreamsim": traced}
    several, target = pictures(5), pictures(1)[0]
    whole = load_metrics([name], weights, 8)[name].score(several, target)
    apart = load_metrics([name], weights, 2)[name].score(several, target)
    assert whole.shape == (5,)
    torch.testing.assert_close(whole, apart, rtol=0, atol=1e-5)


def test_missing_or_broken_weights_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CheckpointError, match="hf download facebook/dinov2-base"):
        dinov2.load_dinov2(tmp_path)
    with pytest.raises(CheckpointError, match="DreamSim is missing"):
        dreamsim.load_dreamsim(tmp_path / "dreamsim.pt")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(CheckpointError, match="cannot be loaded as a DINOv2 model"):
        dinov2.load_dinov2(tmp_path)
    (tmp_path / "dreamsim.pt").write_bytes(b"none")
    with pytest.raises(CheckpointError, match="not a TorchScript file"):
        dreamsim.load_dreamsim(tmp_path / "dreamsim.pt")


def test_a_metric_without_weights_is_refused_and_not_run() -> None:
    with pytest.raises(ConfigError, match="names no file for `dinov2`"):
        load_metrics(["psnr", "dinov2", "pdq"], {}, 4)
    settings = ScoreSettings(metrics=["psnr", "dinov2", "pdq"])
    assert (settings.runnable_metrics, settings.metrics_without_weights) == (
        ["psnr", "pdq"],
        ["dinov2"],
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
def test_a_gpu_gives_the_same(folder: Path, traced: Path) -> None:
    weights = {"dinov2": folder, "dreamsim": traced}
    names = [*weights, "patch-l2", "pdq", "phash", "psnr", "ssim"]
    batch = pictures(3)
    metrics_by_device = [
        load_metrics(names, weights, 4, default_device(place)) for place in ("cpu", "cuda")
    ]
    for name in names:
        on_cpu, on_gpu = (metrics[name].score(batch, batch[0]) for metrics in metrics_by_device)
        assert on_gpu.device.type == "cpu"
        torch.testing.assert_close(on_gpu, on_cpu, atol=1e-4, rtol=1e-4)
