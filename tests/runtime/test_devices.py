"""What computes does so in full single precision."""

from pathlib import Path

import pytest
import torch

from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.runtime.devices import default_device


@pytest.fixture(autouse=True)
def _as_torch_leaves_it() -> None:
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True


def exact() -> bool:
    return not (torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)


def test_the_device_that_is_named_computes_in_full_precision() -> None:
    assert not exact()
    assert default_device("cpu") == torch.device("cpu")
    assert exact()


def test_without_a_name_it_is_the_gpu_where_there_is_one() -> None:
    assert default_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert exact()


def test_a_checkpoint_is_loaded_for_full_precision(tiny_checkpoint: Path) -> None:
    load_checkpoint("tiny", CheckpointSettings(family="diffusers", path=tiny_checkpoint))
    assert exact()
