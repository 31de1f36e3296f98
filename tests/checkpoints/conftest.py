from collections.abc import Callable
from pathlib import Path

import pytest
from diffusers import StableDiffusionPipeline


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_checkpoint: Path) -> StableDiffusionPipeline:
    """The tiny checkpoint as plain diffusers opens it."""
    load: Callable[..., StableDiffusionPipeline] = StableDiffusionPipeline.from_pretrained
    pipeline = load(tiny_checkpoint, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
