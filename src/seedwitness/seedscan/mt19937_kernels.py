"""Correlates noise by torch's CPU generator with weights, seed after seed, on one core (numba).

What noise costs is its generator's state: word i of mt19937's output needs words i, i + 1 and
i + 397 of the state, which the seed fills one after the other, and no more than that is filled.
Seeds are reckoned side by side, in lanes, because the words of one depend on one another.

Half precision, as torch up to 2.11 drew it, takes fewer bits of the same words
(``torch_cpu_half``); that it rounds every step is left out here, so that a score is within 0.015 of
the exact one for float16, and within 0.05 for bfloat16.

All arithmetic is in 32-bit integers with a sign, which numba vectorises, and in single precision.
Logarithm, sine and cosine are short polynomials: a score is within 0.01 of the exact one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from seedwitness.seeds import box_muller
from seedwitness.seeds.torch_cpu import BLOCK

LANES = 256

CHEAP = 39
"""Blocks that one filling of the state gives, 624 words; those after them cost a second one."""

_WORDS = 624
_FAR = 397  # distance of the words that the generator mixes
_MULTIPLIER = np.int32(1812433253)
_TOP, _LOWER = np.int32(-(2**31)), np.int32(0x7FFFFFFF)
_TWIST = np.int32(0x9908B0DF - 2**32)
_TEMPER_7, _TEMPER_15 = np.int32(0x9D2C5680 - 2**32), np.int32(0xEFC60000 - 2**32)
_BITS = 24  # of a word, in a uniform number of float32

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
    bits: int = _BITS,
) -> int:
    """Write each of ``tried`` and each query whose score reaches ``threshold``; gives their number.

    A score is the sum of a query's ``weights`` (a row of float32 [q, 16 · len(blocks)]) times the
    noise in ``blocks`` (int64): for weights of length 1 and unrelated noise,
    standard normal. Noise is what costs, so that a few queries cost little more than one. Seeds are
    uint32, by seed and then by query; what does not fit into ``seeds``, ``queries`` (uint32) and
    ``scores`` (float32) is counted, not written. ``bits`` of a word make a uniform number.
    """
    mask, shift = np.int32((1 << bits) - 1), np.int32(_BITS - bits)
    skipped = BLOCK * blocks.min() // _WORDS  # whole states that no block lies in
    start = skipped * _WORDS
    top = BLOCK * blocks.max() + BLOCK - start
    asked = weights.shape[0]
    state = np.empty((_WORDS if skipped else min(_WORDS, _FAR + top), LANES), np.int32)
    following = np.empty((_WORDS if skipped else 0, LANES), np.int32)
    mixed = np.empty((top, LANES), np.int32)
    radius, angle = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    cosine, sine = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    score = np.empty((asked, LANES), np.float32)
    found, count = 0, len(tried)
    for base in range(0, count, LANES):
        score[:] = np.float32(0)
        for lane in range(LANES):
            # What is left of the last lanes repeats the last seed, and is not looked at.
            state[0, lane] = np.int32(tried[min(base + lane, count - 1)])
        _fill(state)
        for _ in range(skipped):
            _mix(state, following)
            state, following = following, state
        _mix(state, mixed)
        for number in range(len(blocks)):
            for j in range(BLOCK // 2):
                i, k = BLOCK * blocks[number] + j - start, BLOCK * number + j
                _temper(mixed[i], radius, mask, shift)
                _temper(mixed[i + BLOCK // 2], angle, mask, shift)
                if asked == 1:
                    _add(radius, angle, weights[0, k], weights[0, k + BLOCK // 2], score[0])
                else:
                    _pair(radius, angle, cosine, sine)
                    for q in range(asked):
                        own = score[q]
                        one, other = weights[q, k], weights[q, k + BLOCK // 2]
                        for lane in range(LANES):
                            own[lane] += one * cosine[lane] + other * sine[lane]
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
def _fill(state: Array) -> None:
    """The generator's state, one word a row, from its first: the seed."""
    for i in range(1, state.shape[0]):
        number, before, own = np.int32(i), state[i - 1], state[i]
        for lane in range(own.shape[0]):
            x = before[lane]
            x ^= (x >> np.int32(30)) & np.int32(3)
            own[lane] = np.int32(np.int32(_MULTIPLIER * x) + number)


@njit(nogil=True, cache=True)
def _mix(state: Array, mixed: Array) -> None:
    """The generator's words before tempering, one a row of ``mixed``; they follow on the state.

    The first 624 are its next state.
    """
    for i in range(mixed.shape[0]):
        out = mixed[i]
        one = state[i] if i < _WORDS else mixed[i - _WORDS]
        following = state[i + 1] if i + 1 < _WORDS else mixed[i + 1 - _WORDS]
        far = state[i + _FAR] if i + _FAR < _WORDS else mixed[i + _FAR - _WORDS]
        for lane in range(out.shape[0]):
            y = (one[lane] & _TOP) | (following[lane] & _LOWER)
            half = ((y >> np.int32(1)) & _LOWER) ^ (np.int32(-(y & np.int32(1))) & _TWIST)
            out[lane] = far[lane] ^ half


@njit(nogil=True, cache=True)
def _temper(mixed: Array, out: Array, mask: Any, shift: Any) -> None:
    """The bits of mixed words, tempered, that ``mask`` lets through, as the highest of 24."""
    for lane in range(out.shape[0]):
        v = mixed[lane]
        v ^= (v >> np.int32(11)) & np.int32(0x1FFFFF)
        v ^= np.int32(v << np.int32(7)) & _TEMPER_7
        v ^= np.int32(v << np.int32(15)) & _TEMPER_15
        v ^= (v >> np.int32(18)) & np.int32(0x3FFF)
        out[lane] = (v & mask) << shift


@njit(nogil=True, cache=True, fastmath=True)
def _add(radius: Array, angle: Array, cosine: float, sine: float, score: Array) -> None:
    """As ``_pair``, weighted and added to ``score`` at once: faster where there is one query."""
    for lane in range(score.shape[0]):
        r = box_muller.radius(np.float32(np.int32(0x1000000) - radius[lane]))
        t = np.float32(angle[lane]) * np.float32(2.0**-24) - np.float32(0.5)
        quarter = t + np.float32(0.25)
        quarter -= np.floor(quarter + np.float32(0.5))
        score[lane] -= r * (cosine * box_muller.sine(quarter) + sine * box_muller.sine(t))


@njit(nogil=True, cache=True, fastmath=True)
def _pair(radius: Array, angle: Array, cosine: Array, sine: Array) -> None:
    """Box and Muller: the first number by the angle's cosine, the eighth after it by its sine."""
    for lane in range(cosine.shape[0]):
        r = box_muller.radius(np.float32(np.int32(0x1000000) - radius[lane]))
        # A turn is 1, and half a turn less changes both signs.
        t = np.float32(angle[lane]) * np.float32(2.0**-24) - np.float32(0.5)
        quarter = t + np.float32(0.25)
        quarter -= np.floor(quarter + np.float32(0.5))
        cosine[lane] = -r * box_muller.sine(quarter)
        sine[lane] = -r * box_muller.sine(t)
