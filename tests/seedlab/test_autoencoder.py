from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from seedlab import autoencoder
from seedlab.autoencoder import AutoencoderSettings
from seedlab.latents import encode_latents

SMALL = AutoencoderSettings(
    channels=(8, 16, 16),
    latent_channels=4,
    crop=16,
    crop_batch=4,
    crop_steps=80,
    whole_batch=2,
    whole_steps=10,
)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """Plain colours with a bright square: [8, 3, 32, 32]."""
    levels = torch.randint(0, 200, (8, 3, 1, 1), generator=torch.Generator().manual_seed(1))
    stack = levels.expand(-1, -1, 32, 32).clone()
    stack[:, :, 8:20, 8:20] += 50
    return stack.to(torch.uint8)


@pytest.fixture(scope="module")
def trained(pictures: torch.Tensor, tmp_path_factory: pytest.TempPathFactory) -> AutoencoderKL:
    home = tmp_path_factory.mktemp("autoencoder")
    return autoencoder.train_autoencoder(
        pictures, SMALL, data_key="", scratch=home / "scratch", log=home / "log.jsonl"
    )


def test_training_brings_pictures_back_better(
    trained: AutoencoderKL, pictures: torch.Tensor
) -> None:
    fresh = autoencoder.build_autoencoder(SMALL, 32)
    gain = autoencoder.compute_psnr(trained, pictures) - autoencoder.compute_psnr(fresh, pictures)
    assert gain.min() > 0
    assert gain.mean() > 1


def test_scaled_latents_have_unit_deviation(trained: AutoencoderKL, pictures: torch.Tensor) -> None:
    latents = encode_latents(trained, pictures) * trained.config.scaling_factor
    assert latents.shape == (8, 4, 8, 8)
    assert latents.std().item() == pytest.approx(1.0, abs=1e-4)


def test_psnr_is_known_for_a_known_error() -> None:
    class Darker:
        """Encodes to itself, decodes 10 levels darker."""

        device = torch.device("cpu")

        def encode(self, x: torch.Tensor) -> object:
            mode = type("Posterior", (), {"mode": lambda self: x})()
            return type("Encoded", (), {"latent_dist": mode})()

        def decode(self, z: torch.Tensor) -> object:
            return type("Decoded", (), {"sample": z - 10 / 127.5})()

    grey = torch.full((2, 3, 8, 8), 128, dtype=torch.uint8)
    psnr = autoencoder.compute_psnr(Darker(), grey)  # type: ignore[arg-type]
    assert psnr.tolist() == pytest.approx([28.1308] * 2, abs=1e-3)  # 20 log10(255 / 10)


def test_crops_lie_inside_and_keep_their_pixels(pictures: torch.Tensor) -> None:
    cut = autoencoder.draw_crops(pictures, 16, 50, torch.Generator().manual_seed(2))
    assert cut.shape == (50, 3, 16, 16)
    known = set((pictures.float() / 127.5 - 1).unique().tolist())
    assert set(cut.unique().tolist()) <= known


def test_the_trained_folder_is_whole_or_absent(trained: AutoencoderKL, tmp_path: Path) -> None:
    trained.save_pretrained(tmp_path / "vae")
    again = AutoencoderKL.from_pretrained(tmp_path / "vae", local_files_only=True)
    assert again.config.scaling_factor == trained.config.scaling_factor
