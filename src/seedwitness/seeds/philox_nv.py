"""Noise as AUTOMATIC1111 draws it with its random number source "NV", on any machine.

It stands in for torch's generator on NVIDIA GPUs: the seed is the key of Philox4x32-10, the counter
of an element is (draw, 0, element, 0), and the first two words give one number by Box and Muller's
sine. A GPU gives the same while a tensor has no more elements than the GPU starts threads for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from seedwitness.seeds.philox import philox4x32

SEEDS = 2**64
"""Philox's key has 64 bits; tools offer seeds of 32."""

_UNIT = np.float32(2.3283064e-10)  # 2⁻³², and a turn of the circle of it, as float32 has them
_TURN = np.float32(2.3283064e-10 * 6.2831855)


def noise(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The ``batch_index``-th draw (from 0) of standard normal noise of ``shape``.

    Half precision is the float32 noise, rounded.
    """
    count = math.prod(shape)
    counter = np.zeros((4, count), np.uint32)
    counter[0] = batch_index
    counter[2] = np.arange(count, dtype=np.uint32)
    seed %= SEEDS
    key = np.array([[seed & 0xFFFFFFFF], [seed >> 32]], np.uint32)
    first, second, _, _ = philox4x32(counter, key)
    # In double precision from here, as there: only the two constants are single.
    u = first * np.float64(_UNIT) + np.float64(_UNIT) / 2
    v = second * np.float64(_TURN) + np.float64(_TURN) / 2
    normal = np.sqrt(-2.0 * np.log(u)) * np.sin(v)
    return torch.from_numpy(normal.astype(np.float32).reshape(tuple(shape))).to(dtype)
