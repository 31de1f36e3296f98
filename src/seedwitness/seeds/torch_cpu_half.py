"""Noise as torch up to 2.11 drew it on the CPU in half precision: float16, bfloat16, by any torch.

diffusers draws in the precision of its pipeline where it is given CPU generators. torch 2.13 rounds
float32's noise for that, 2.12 nearly so. Before, torch took the low bits of a word, as many as the
significand has, for a uniform number, and rounded every step of Box and Muller: other noise for the
same seed. Bit for bit that of torch 2.1 and 2.11 (decision 18).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from seedwitness.errors import ConfigError
from seedwitness.seeds.torch_cpu import BLOCK

BITS = {torch.float16: 11, torch.bfloat16: 8}
"""Of a word, in a uniform number."""


def float16(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The ``batch_index``-th draw (from 0) of float16 noise of ``shape``, then in ``dtype``.

    Raises ConfigError for a number of elements that 16 does not divide.
    """
    return _drawn(seed, batch_index, shape, torch.float16).to(dtype)


def bfloat16(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """As ``float16``, of bfloat16."""
    return _drawn(seed, batch_index, shape, torch.bfloat16).to(dtype)


def _drawn(seed: int, batch_index: int, shape: Sequence[int], kind: torch.dtype) -> Tensor:
    count = math.prod(shape)
    if count % BLOCK:
        raise ConfigError(
            f"Noise of half precision as torch up to 2.11 drew it is known where {BLOCK} divides "
            f"the number of elements, as in latents: not of {count}."
        )
    generator = Generator().manual_seed(seed)
    for _ in range(batch_index):
        torch.rand(count, generator=generator)
    # float32's uniform number is the low 24 bits of the same word.
    words = (torch.rand(count, generator=generator) * 2**24).int()
    uniform = (words & (2 ** BITS[kind] - 1)).double() / 2 ** BITS[kind]
    first, second = uniform.view(-1, 2, BLOCK // 2).unbind(1)

    def rounded(exact: Tensor) -> Tensor:
        return exact.to(kind).double()

    logarithm = rounded(torch.log(rounded(1 - first)))
    radius = rounded(torch.sqrt(rounded(-2 * logarithm)))
    angle = rounded(2 * math.pi * second)
    pair = [rounded(radius * rounded(each(angle))) for each in (torch.cos, torch.sin)]
    found: Tensor = torch.cat(pair, 1) + 0.0  # the mean, which leaves no zero negative
    return found.reshape(tuple(shape)).to(kind)
