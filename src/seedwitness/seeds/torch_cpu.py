"""Noise as torch draws it on the CPU: mt19937, then Box–Muller, in float32, float16 or bfloat16.

diffusers draws so when it is given CPU generators, one a picture (batch index 0). ComfyUI draws a
whole batch from one generator, so that its picture k is the k-th draw of that generator and has no
seed of its own. Of shapes whose elements 16 divides, as latents' are, half precision is float32's
noise rounded (torch 2.13); of others it is other noise. So it is of all shapes in torch up to 2.11:
``torch_cpu_half`` draws that.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

BLOCK = 16
"""Elements that one step of Box and Muller gives: uniform numbers are taken in blocks of 16."""

SEEDS = 2**32
"""mt19937 keeps 32 bits of a seed, so there are no more noises than this."""


def noise(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The ``batch_index``-th draw (from 0) of standard normal noise of ``shape``."""
    generator = Generator().manual_seed(seed)
    for _ in range(batch_index):
        torch.randn(tuple(shape), generator=generator, dtype=dtype)
    return torch.randn(tuple(shape), generator=generator, dtype=dtype)


def step_generator(seed: int, shape: Sequence[int], dtype: torch.dtype) -> Generator:
    """The generator of ``seed`` after its first draw of ``shape``."""
    generator = Generator().manual_seed(seed)
    torch.randn(tuple(shape), generator=generator, dtype=dtype)
    return generator
