"""Correlates noise by `philox-nv` with given weights, seed after seed, on one core (numba).

Every element is a call of Philox4x32-10 of its own, so any element costs the same. Seeds are
reckoned side by side, in lanes. Logarithm and sine are short polynomials: a score is within 0.01 of
the exact one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from seedwitness.seeds import box_muller

LANES = 128
BLOCK = 16

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_WORD, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
_ROUNDS = 10

Array = np.ndarray[Any, Any]


@njit(nogil=True, cache=True)
def scan(
    tried: Array,
    blocks: Array,
    weights: Array,
    threshold: float,
    seeds: Array,
    queries: Array,
    scores: Array,
) -> int:
    """Write each of ``tried`` and each query whose score reaches ``threshold``; gives their number.

    As ``scan_mt19937.scan``, for the first draw of a seed; ``blocks`` may be any.
    """
    asked = weights.shape[0]
    x = np.empty((2, LANES), np.uint64)
    keys = np.empty(LANES, np.uint64)
    normal = np.empty(LANES, np.float32)
    score = np.empty((asked, LANES), np.float32)
    found, count = 0, len(tried)
    for base in range(0, count, LANES):
        score[:] = np.float32(0)
        for lane in range(LANES):
            # What is left of the last lanes repeats the last seed, and is not looked at.
            keys[lane] = tried[min(base + lane, count - 1)]
        for number in range(len(blocks)):
            for j in range(BLOCK):
                _words(keys, np.uint64(BLOCK * blocks[number] + j), x)
                _normal(x[0], x[1], normal)
                for q in range(asked):
                    own, weight = score[q], weights[q, BLOCK * number + j]
                    for lane in range(LANES):
                        own[lane] += weight * normal[lane]
        for lane in range(min(LANES, count - base)):
            for q in range(asked):
                if score[q, lane] >= threshold:
                    if found < len(seeds):
                        seeds[found] = tried[base + lane]
                        queries[found] = q
                        scores[found] = score[q, lane]
                    found += 1
    return found


@njit(nogil=True, cache=True)
def _words(keys: Array, element: Any, x: Array) -> None:
    """The first two of Philox's words of one element for each key: rows of 32 bits."""
    for lane in range(LANES):
        k0, k1 = keys[lane] & _WORD, np.uint64(0)
        c0, c1, c2, c3 = np.uint64(0), np.uint64(0), element, np.uint64(0)
        for _ in range(_ROUNDS):
            one, two = _M0 * (c0 & _WORD), _M1 * (c2 & _WORD)
            c0, c1 = (two >> _SHIFT) ^ c1 ^ k0, two & _WORD
            c2, c3 = (one >> _SHIFT) ^ c3 ^ k1, one & _WORD
            k0, k1 = (k0 + _W0) & _WORD, (k1 + _W1) & _WORD
        x[0, lane], x[1, lane] = c0, c1


@njit(nogil=True, cache=True, fastmath=True)
def _normal(first: Array, second: Array, normal: Array) -> None:
    """Box and Muller's sine of two words."""
    for lane in range(normal.shape[0]):
        # A word's 24 high bits, in the middle of their step, are near enough.
        m = np.float32(np.int32(first[lane] >> np.uint64(8))) + np.float32(0.5)
        t = np.float32(np.int32(second[lane] >> np.uint64(8))) * np.float32(2.0**-24)
        t -= np.float32(0.5)
        normal[lane] = -box_muller.radius(m) * box_muller.sine(t)
