"""Correlates noise by `torch-cpu` with given weights, seed after seed, on one core (numba).

What noise costs is its generator's state: word i of mt19937's first output needs words i, i + 1
and i + 397 of the state, which the seed fills one after the other; so the first 224 elements cost
least. Seeds are reckoned side by side, in lanes, because the words of one depend on one another.

All arithmetic is in 32-bit integers with a sign, which numba vectorises, and in single precision.
Logarithm, sine and cosine are short polynomials: a score is within 0.01 of the exact one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from seedwitness.seeds import box_muller

LANES = 256
BLOCK = 16
"""Elements that one step of Box and Muller gives: torch takes uniforms in blocks of 16."""

BLOCKS = 14
"""Blocks whose words need no second filling of the state: 227 words, in whole blocks."""

_FAR = 397  # distance of the words that the generator mixes
_MULTIPLIER = np.int32(1812433253)
_TOP, _LOWER = np.int32(-(2**31)), np.int32(0x7FFFFFFF)
_TWIST = np.int32(0x9908B0DF - 2**32)
_TEMPER_7, _TEMPER_15 = np.int32(0x9D2C5680 - 2**32), np.int32(0xEFC60000 - 2**32)
_BITS = np.int32(0xFFFFFF)  # of a word, in a uniform number

Array = np.ndarray[Any, Any]


@njit(nogil=True, cache=True)
def scan(
    tried: Array, blocks: Array, weights: Array, threshold: float, seeds: Array, scores: Array
) -> int:
    """Write those of ``tried`` whose score reaches ``threshold``; gives how many there were.

    A score is the sum of ``weights`` (float32 [16 · len(blocks)]) times the noise in ``blocks``
    (int64, each below BLOCKS): for weights of length 1 and unrelated noise, standard normal. Seeds
    are uint32; what does not fit into ``seeds`` and ``scores`` (float32) is counted, not written.
    """
    top = 0
    for block in blocks:
        top = max(top, BLOCK * block + BLOCK)
    near = np.empty((top + 1, LANES), np.int32)
    far = np.empty((top, LANES), np.int32)
    word = np.empty(LANES, np.int32)
    radius, angle = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    score = np.empty(LANES, np.float32)
    found, count = 0, len(tried)
    for base in range(0, count, LANES):
        for lane in range(LANES):
            # What is left of the last lanes repeats the last seed, and is not looked at.
            word[lane] = np.int32(tried[min(base + lane, count - 1)])
            near[0, lane] = word[lane]
            score[lane] = np.float32(0)
        _fill(word, near, 1, top + 1, 0)
        _fill(word, near, top + 1, _FAR, -1)
        _fill(word, far, _FAR, _FAR + top, _FAR)
        for number in range(len(blocks)):
            for j in range(BLOCK // 2):
                i, k = BLOCK * blocks[number] + j, BLOCK * number + j
                _uniform(near[i], near[i + 1], far[i], radius)
                i += BLOCK // 2
                _uniform(near[i], near[i + 1], far[i], angle)
                _add(radius, angle, weights[k], weights[k + BLOCK // 2], score)
        for lane in range(min(LANES, count - base)):
            if score[lane] >= threshold:
                if found < len(seeds):
                    seeds[found] = tried[base + lane]
                    scores[found] = score[lane]
                found += 1
    return found


@njit(nogil=True, cache=True)
def _fill(word: Array, rows: Array, start: int, end: int, zero: int) -> None:
    """State words ``start`` to ``end``, from word ``start`` − 1; word i is kept in row i − zero.

    With ``zero`` −1 none is kept.
    """
    for i in range(start, end):
        number = np.int32(i)
        if zero < 0:
            for lane in range(word.shape[0]):
                x = word[lane]
                x ^= (x >> np.int32(30)) & np.int32(3)
                word[lane] = np.int32(np.int32(_MULTIPLIER * x) + number)
        else:
            row = rows[i - zero]
            for lane in range(word.shape[0]):
                x = word[lane]
                x ^= (x >> np.int32(30)) & np.int32(3)
                x = np.int32(np.int32(_MULTIPLIER * x) + number)
                word[lane] = x
                row[lane] = x


@njit(nogil=True, cache=True)
def _uniform(one: Array, next_: Array, far: Array, out: Array) -> None:
    """The generator's words, twisted and tempered: their low 24 bits."""
    for lane in range(out.shape[0]):
        y = (one[lane] & _TOP) | (next_[lane] & _LOWER)
        v = far[lane] ^ ((y >> np.int32(1)) & _LOWER) ^ (np.int32(-(y & np.int32(1))) & _TWIST)
        v ^= (v >> np.int32(11)) & np.int32(0x1FFFFF)
        v ^= np.int32(v << np.int32(7)) & _TEMPER_7
        v ^= np.int32(v << np.int32(15)) & _TEMPER_15
        v ^= (v >> np.int32(18)) & np.int32(0x3FFF)
        out[lane] = v & _BITS


@njit(nogil=True, cache=True, fastmath=True)
def _add(radius: Array, angle: Array, cosine: float, sine: float, score: Array) -> None:
    """Box and Muller: the first number by the angle's cosine, the eighth after it by its sine."""
    for lane in range(score.shape[0]):
        r = box_muller.radius(np.float32(np.int32(0x1000000) - radius[lane]))
        # A turn is 1, and half a turn less changes both signs.
        t = np.float32(angle[lane]) * np.float32(2.0**-24) - np.float32(0.5)
        quarter = t + np.float32(0.25)
        quarter -= np.floor(quarter + np.float32(0.5))
        score[lane] -= r * (cosine * box_muller.sine(quarter) + sine * box_muller.sine(t))
