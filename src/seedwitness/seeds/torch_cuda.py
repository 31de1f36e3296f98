"""Noise as torch's generator draws it on an NVIDIA GPU; there is none without the GPU.

`philox-nv` is the same on any machine, for tensors that are not too large; where there is a GPU,
the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from seedwitness.errors import ConfigError


def noise(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The ``batch_index``-th draw (from 0) of standard normal noise of ``shape``, on the CPU.

    Raises ConfigError where torch finds no GPU.
    """
    if not torch.cuda.is_available():
        raise ConfigError(
            "Noise by `torch-cuda` is drawn by an NVIDIA GPU, and torch finds none here. "
            "`philox-nv` draws the same noise on any machine: set `search.rng` to that."
        )
    generator = Generator("cuda").manual_seed(seed)
    for _ in range(batch_index):
        torch.randn(tuple(shape), generator=generator, dtype=dtype, device="cuda")
    return torch.randn(tuple(shape), generator=generator, dtype=dtype, device="cuda").cpu()
