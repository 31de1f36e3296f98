"""Approximate Box and Muller's two factors (1958) by short polynomials within 0.005, for scans."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, fastmath=True)
def radius(m: Any) -> Any:
    """Compute √(−2 ln(m / 2²⁴)) for m from 1 to 2²⁴: the logarithm by its exponent and a cubic."""
    bits = np.float32(m).view(np.int32)
    exponent = np.float32((bits >> np.int32(23)) - np.int32(127))
    f = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    cubic = np.float32(-1.051875031) + f * np.float32(0.158248674)
    log2 = exponent + np.float32(-2.153620718) + f * (np.float32(3.047884161) + f * cubic)
    return np.sqrt(max(np.float32(1.3862943611) * (np.float32(24) - log2), np.float32(0)))


@njit(nogil=True, cache=True, fastmath=True)
def sine(turn: Any) -> Any:
    """Compute the sine of a part of a turn in [−½, ½] by a corrected parabola (within 0.0011)."""
    parabola = turn * (np.float32(8) - np.float32(16) * abs(turn))
    return parabola * (np.float32(0.775) + np.float32(0.225) * abs(parabola))
