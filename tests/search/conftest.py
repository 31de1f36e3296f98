from pathlib import Path

import pytest

from seedwitness import config
from seedwitness.checkpoints.loading import Loaded, load


@pytest.fixture(scope="session")
def tiny(tiny_checkpoint: Path) -> Loaded:
    return load("tiny", config.Checkpoint(family="diffusers", path=tiny_checkpoint))
