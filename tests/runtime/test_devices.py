"""Float32 is computed in full single precision, and torch's own settings are restored."""

from collections.abc import Iterator

import pytest
import torch
from diffusers import StableDiffusionPipeline

from seedwitness.engine.sampling import decode_latents, draw_torch_noise
from seedwitness.runtime.devices import default_device, full_precision


@pytest.fixture(autouse=True)
def _allow_tf32() -> Iterator[None]:
    switches = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = True
    yield
    for switch, value in zip(switches, before, strict=True):
        switch.allow_tf32 = value


def is_exact() -> bool:
    return not (torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)


def test_full_precision_holds_inside_the_block_only() -> None:
    assert not is_exact()
    with full_precision():
        assert is_exact()
    assert not is_exact()


def test_an_error_restores_the_settings() -> None:
    with pytest.raises(KeyError), full_precision():
        raise KeyError
    assert torch.backends.cudnn.allow_tf32
    assert torch.backends.cuda.matmul.allow_tf32


def test_the_default_device_is_the_gpu_if_there_is_one() -> None:
    assert default_device("cpu") == torch.device("cpu")
    assert default_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_checkpoint_computes_in_full_precision(tiny_pipeline: StableDiffusionPipeline) -> None:
    exact: list[bool] = []
    hook = tiny_pipeline.vae.decoder.register_forward_hook(lambda *_: exact.append(is_exact()))
    try:
        decode_latents(tiny_pipeline, draw_torch_noise([1], (4, 8, 8)))
    finally:
        hook.remove()
    assert exact == [True]
    assert not is_exact()
