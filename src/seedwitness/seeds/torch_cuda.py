"""Draw noise by torch's generator on an NVIDIA GPU; this needs the GPU.

`philox-nv` draws the same noise on any machine, for tensors that are not too large; tests compare
the two if there is a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from seedwitness.errors import ConfigError


def draw_noise(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Draw standard normal noise of ``shape`` (the ``batch_index``-th draw from 0), on the CPU.

    Raises ConfigError if torch finds no GPU.
    """
    if not torch.cuda.is_available():
        raise ConfigError(
            "`torch-cuda` draws noise on an NVIDIA GPU, and torch finds none. `philox-nv` draws "
            "the same noise on any machine: set `search.rng` to it."
        )
    generator = Generator("cuda").manual_seed(seed)
    for _ in range(batch_index):
        torch.randn(tuple(shape), generator=generator, dtype=dtype, device="cuda")
    return torch.randn(tuple(shape), generator=generator, dtype=dtype, device="cuda").cpu()
