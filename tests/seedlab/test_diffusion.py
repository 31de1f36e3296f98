import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline

from seedlab import autoencoder, diffusion
from seedlab.autoencoder import AutoencoderSettings
from seedlab.diffusion import DiffusionSettings, EpochData, shuffle_epochs
from seedlab.tokenizer import tokenize_captions, train_tokenizer

SMALL = DiffusionSettings(
    channels=(32, 64), attends=(False, True), text_width=32, text_layers=1, batch=4, steps=60
)
CAPTIONS = ("a red fish", "a blue lighthouse")


def test_shuffled_epochs_show_everything_equally_often() -> None:
    run = torch.cat([shuffle_epochs(10, 7 * k, 7, 1) for k in range(10)])
    assert torch.equal(run, shuffle_epochs(10, 0, 70, 1))  # however it is cut into batches
    for epoch in run.split(10):
        assert sorted(epoch.tolist()) == list(range(10))
    assert not torch.equal(run[:10], run[10:20])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two latents learned by heart under two captions, saved as a checkpoint."""
    home = tmp_path_factory.mktemp("diffusion")
    latents = torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    exposures = EpochData(latents, (0, 1, 1), (CAPTIONS[0], CAPTIONS[1], CAPTIONS[1]))
    tokenizer = train_tokenizer(CAPTIONS)
    model = diffusion.train_networks(
        "tiny", exposures, tokenizer, SMALL, data_key="", scratch=home, log=home / "tiny.jsonl"
    )
    vae = autoencoder.build_autoencoder(
        AutoencoderSettings(channels=(8, 16, 16), latent_channels=4), 32
    )
    diffusion.save_pipeline(model, vae, tokenizer, home / "tiny")
    return home


def test_training_lowers_the_loss(trained: Path) -> None:
    lines = [json.loads(line) for line in (trained / "tiny.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == SMALL.steps
    assert lines[-1]["loss"] < lines[1]["loss"]
    assert {"torch", "processor", "threads", "seed"} <= set(lines[0])


def test_products_in_bfloat16_change_the_training_and_leave_the_weights_whole(
    trained: Path, tmp_path: Path
) -> None:
    latents = torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    exposures = EpochData(latents, (0, 1, 1), (CAPTIONS[0], CAPTIONS[1], CAPTIONS[1]))
    settings, log = replace(SMALL, autocast=True), tmp_path / "tiny.jsonl"
    model = diffusion.train_networks(
        "tiny",
        exposures,
        train_tokenizer(CAPTIONS),
        settings,
        data_key="",
        scratch=tmp_path,
        log=log,
    )
    assert {each.dtype for each in model.parameters()} == {torch.float32}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    plain = [json.loads(line) for line in (trained / "tiny.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] != plain[-1]["loss"]
    assert lines[-1]["loss"] == pytest.approx(plain[-1]["loss"], rel=0.1)


def test_plain_diffusers_opens_what_was_saved_and_makes_a_picture(trained: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(trained / "tiny", local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    output = pipeline(
        CAPTIONS[0], num_inference_steps=2, generator=torch.Generator().manual_seed(1)
    )
    assert output.images[0].size == (32, 32)
    types = {pipeline.unet.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype}
    assert types == {torch.float32}
    sizes = [file.stat().st_size for file in (trained / "tiny" / "unet").glob("*.safetensors")]
    parameters = sum(p.numel() for p in pipeline.unet.parameters())
    assert sum(sizes) < 2.2 * parameters  # half precision on disk


def test_captions_never_pass_the_limit_of_the_text_encoder() -> None:
    tokenizer = train_tokenizer(CAPTIONS)
    ids = tokenize_captions(tokenizer, ["", "word " * 10_000])
    assert ids.shape == (2, tokenizer.model_max_length)
    assert ids.max() < len(tokenizer)
