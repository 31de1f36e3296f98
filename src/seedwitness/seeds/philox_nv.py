"""Draw noise as AUTOMATIC1111 does with its random number source "NV", on any machine.

It emulates torch's generator on NVIDIA GPUs: the seed is the key of Philox4x32-10, the counter of
an element is (draw, 0, element, 0), and the first two words give one number by Box and Muller's
sine. A GPU draws the same noise if it starts a thread for every element of the tensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from seedwitness.seeds.philox import philox4x32

SEED_COUNT = 2**64
"""Number of seeds: Philox's key has 64 bits; the tools offer seeds of 32 bits."""

_UNIT = np.float32(2.3283064e-10)  # 2⁻³² and 2π · 2⁻³², both rounded to float32
_TURN = np.float32(2.3283064e-10 * 6.2831855)


def draw_noise(seed: int, batch_index: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Draw standard normal noise of ``shape``: the ``batch_index``-th draw, counted from 0.

    Half precision is the rounded float32 noise.
    """
    count = math.prod(shape)
    counter = np.zeros((4, count), np.uint32)
    counter[0] = batch_index
    counter[2] = np.arange(count, dtype=np.uint32)
    seed %= SEED_COUNT
    key = np.array([[seed & 0xFFFFFFFF], [seed >> 32]], np.uint32)
    first, second, _, _ = philox4x32(counter, key)
    # In double precision from here, as in AUTOMATIC1111: only the two constants are single.
    u = first * np.float64(_UNIT) + np.float64(_UNIT) / 2
    v = second * np.float64(_TURN) + np.float64(_TURN) / 2
    normal = np.sqrt(-2.0 * np.log(u)) * np.sin(v)
    return torch.from_numpy(normal.astype(np.float32).reshape(tuple(shape))).to(dtype)
