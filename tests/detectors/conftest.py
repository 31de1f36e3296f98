"""A tiny checkpoint, asked by hand."""

import pytest
from by_hand import ByHand
from diffusers import StableDiffusionPipeline


@pytest.fixture
def hand(pipeline: StableDiffusionPipeline) -> ByHand:
    return ByHand(pipeline)
