"""Draw float16 and bfloat16 noise as torch up to 2.11 did on the CPU, with any version of torch.

With CPU generators, diffusers draws in the precision of its pipeline. torch 2.13 rounds float32
noise, and 2.12 nearly so. Earlier versions used the low bits of a word, as many as the significand
has, as a uniform number, and rounded every step of Box and Muller: different noise for the same
seed. The result equals that of torch 2.1 and 2.11 in every bit (decision 18).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from seedwitness.errors import ConfigError
from seedwitness.seeds.torch_cpu import BLOCK_SIZE

UNIFORM_BITS = {torch.float16: 11, torch.bfloat16: 8}
"""Bits of a word that make a uniform number."""


def draw_float16(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Draw float16 noise of ``shape`` (the ``batch_index``-th draw from 0), cast to ``dtype``.

    Raises ConfigError unless 16 divides the number of elements.
    """
    return _draw_half(seed, batch_index, shape, torch.float16).to(dtype)


def draw_bfloat16(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Draw as ``draw_float16``, in bfloat16."""
    return _draw_half(seed, batch_index, shape, torch.bfloat16).to(dtype)


def _draw_half(
    seed: int, batch_index: int, shape: Sequence[int], half_dtype: torch.dtype
) -> Tensor:
    count = math.prod(shape)
    if count % BLOCK_SIZE:
        raise ConfigError(
            "Half-precision noise of torch up to 2.11 is supported only if "
            f"{BLOCK_SIZE} divides the number of elements, as in latents, not for {count} elements."
        )
    generator = Generator().manual_seed(seed)
    for _ in range(batch_index):
        torch.rand(count, generator=generator)
    # float32's uniform number has the low 24 bits of the same word.
    words = (torch.rand(count, generator=generator) * 2**24).int()
    uniform = (words & (2 ** UNIFORM_BITS[half_dtype] - 1)).double() / 2 ** UNIFORM_BITS[half_dtype]
    radius_uniform, angle_uniform = uniform.view(-1, 2, BLOCK_SIZE // 2).unbind(1)

    def round_half(exact: Tensor) -> Tensor:
        return exact.to(half_dtype).double()

    logarithm = round_half(torch.log(round_half(1 - radius_uniform)))
    radius = round_half(torch.sqrt(round_half(-2 * logarithm)))
    angle = round_half(2 * math.pi * angle_uniform)
    pairs = [
        round_half(radius * round_half(function(angle))) for function in (torch.cos, torch.sin)
    ]
    noise: Tensor = torch.cat(pairs, 1) + 0.0  # torch adds the mean, which turns −0 into 0
    return noise.reshape(tuple(shape)).to(half_dtype)
