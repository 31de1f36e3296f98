"""Draw noise as torch does on the CPU: mt19937, then Box–Muller, in float32, float16 or bfloat16.

diffusers draws this noise from CPU generators, one per picture (batch index 0). ComfyUI draws a
whole batch from one generator, so its picture k is the k-th draw of that generator and has no seed
of its own. If 16 divides the number of elements, as in latents, half precision is the rounded
float32 noise (torch 2.13); otherwise it is different noise. In torch up to 2.11 it is different
noise for all shapes, which ``torch_cpu_half`` draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

BLOCK_SIZE = 16
"""Elements per step of Box and Muller: uniform numbers are taken in blocks of 16."""

SEED_COUNT = 2**32
"""Number of seeds: mt19937 uses 32 bits of a seed, so there are only 2³² different noises."""


def draw_noise(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Draw standard normal noise of ``shape``: the ``batch_index``-th draw, counted from 0."""
    generator = make_generator(seed, batch_index, shape, dtype)
    return torch.randn(tuple(shape), generator=generator, dtype=dtype)


def make_generator(seed: int, draws: int, shape: Sequence[int], dtype: torch.dtype) -> Generator:
    """Make the generator of ``seed`` in its state after a number of draws of ``shape``."""
    generator = Generator().manual_seed(seed)
    for _ in range(draws):
        torch.randn(tuple(shape), generator=generator, dtype=dtype)
    return generator
