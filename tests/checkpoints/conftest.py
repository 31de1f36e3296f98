from collections.abc import Callable

import pytest
from diffusers import AutoencoderKL, StableDiffusionPipeline

from seedwitness.lab import autoencoder, diffusion
from seedwitness.lab.words import train_tokenizer


@pytest.fixture(scope="session")
def tiny_pipeline(tmp_path_factory: pytest.TempPathFactory) -> StableDiffusionPipeline:
    """A checkpoint of the lab's own classes, untrained and very small, saved and loaded again."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    tokenizer = train_tokenizer(["a red fish", "a blue lighthouse"])
    small = diffusion.Diffusion(
        channels=(32, 64), attends=(False, True), text_width=32, text_layers=1
    )
    vae: AutoencoderKL = autoencoder.build(
        autoencoder.Autoencoder(channels=(8, 16, 16), latent_channels=4), 32
    )
    diffusion.save(diffusion.build(small, tokenizer, 4, 8), vae, tokenizer, folder)
    load: Callable[..., StableDiffusionPipeline] = StableDiffusionPipeline.from_pretrained
    pipeline = load(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
