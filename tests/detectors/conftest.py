"""A reference implementation of the denoiser's steps on a tiny checkpoint."""

import pytest
from by_hand import ByHand
from diffusers import StableDiffusionPipeline


@pytest.fixture
def hand(pipeline: StableDiffusionPipeline) -> ByHand:
    return ByHand(pipeline)
