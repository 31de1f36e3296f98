"""Correlate the noise of torch's CPU generator with weights, seed by seed, on one core (numba).

The cost of noise is its generator's state: word i of mt19937's output needs words i, i + 1 and
i + 397 of the state, which the seed fills one after the other. Only as much as needed is filled,
and of early words only those that are needed are mixed. Seeds are computed side by side in lanes,
because the words of one seed depend on one another.

Half precision, as torch up to 2.11 drew it, uses fewer bits of the same words (``torch_cpu_half``).
Its rounding of every step is not reproduced here, so a score is within 0.015 of the exact one for
float16, and within 0.05 for bfloat16.

All arithmetic is in signed 32-bit integers, which numba vectorises, and in single precision.
Logarithm, sine and cosine are short polynomials: a score is within 0.01 of the exact one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from seedwitness.seeds import box_muller
from seedwitness.seeds.torch_cpu import BLOCK_SIZE

LANES = 256

PAIR_DISTANCE = BLOCK_SIZE // 2
"""Distance of the two elements that come from the same two words."""

STATE_WORDS = 624
"""Elements that one state gives; later elements need further states."""

EARLY_WORDS = STATE_WORDS - 397
"""The first elements, for which the state need not be filled nor mixed as a whole."""

_WORDS = STATE_WORDS
_FAR = 397  # distance of the words that the generator mixes
_MULTIPLIER = np.int32(1812433253)
_TOP, _LOWER = np.int32(-(2**31)), np.int32(0x7FFFFFFF)
_TWIST = np.int32(0x9908B0DF - 2**32)
_TEMPER_7, _TEMPER_15 = np.int32(0x9D2C5680 - 2**32), np.int32(0xEFC60000 - 2**32)
_BITS = 24  # bits of a word that make a uniform number of float32

Array = np.ndarray[Any, Any]


@njit(nogil=True, cache=True)
def scan_seeds(
    seed_batch: Array,
    elements: Array,
    weights: Array,
    threshold: float,
    seeds: Array,
    queries: Array,
    scores: Array,
    bits: int = _BITS,
) -> int:
    """Write every seed and query whose score reaches ``threshold``; return their number.

    A score is the sum of a query's ``weights`` (a row of float32 [q, m]) times the ``elements`` of
    the noise (int64 [m]): standard normal for weights of unit length and unrelated noise. Elements
    are counted from the generator's first draw on, ascending by pairs: each pair is an element of
    the first half of a block and the one PAIR_DISTANCE after it. The cost is in the noise, so a few
    queries cost little more than one. ``seed_batch`` is uint32; hits are ordered by seed and then
    by query. Hits that do not fit into ``seeds``, ``queries`` (uint32) and ``scores`` (float32) are
    counted but not written. ``bits`` of a word make a uniform number.
    """
    mask, shift = np.int32((1 << bits) - 1), np.int32(_BITS - bits)
    top = elements[-1] + 1
    is_early = top <= EARLY_WORDS  # every word comes from the filled state alone
    state_count = 1 if is_early else (top + _WORDS - 1) // _WORDS
    query_count = weights.shape[0]
    state = np.empty((min(_WORDS, _FAR + top), LANES), np.int32)
    next_state = np.empty((2 if is_early else _WORDS, LANES), np.int32)
    radius, angle = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    cosine, sine = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    score = np.empty((query_count, LANES), np.float32)
    hit_count, seed_count = 0, len(seed_batch)
    for base in range(0, seed_count, LANES):
        score[:] = np.float32(0)
        for lane in range(LANES):
            # Unused lanes at the end repeat the last seed and are ignored.
            state[0, lane] = np.int32(seed_batch[min(base + lane, seed_count - 1)])
        _fill_state(state)
        k = 0
        for number in range(state_count):
            first_word = number * _WORDS
            if not is_early:
                _mix_state(state, next_state[: min(_WORDS, top - first_word)])
            while k < len(elements) and elements[k] < first_word + _WORDS:
                first, second = elements[k] - first_word, elements[k + 1] - first_word
                if is_early:
                    _mix_words(state[first], state[first + 1], state[first + _FAR], next_state[0])
                    _mix_words(
                        state[second], state[second + 1], state[second + _FAR], next_state[1]
                    )
                    first, second = 0, 1
                _temper_words(next_state[first], radius, mask, shift)
                _temper_words(next_state[second], angle, mask, shift)
                if query_count == 1:
                    _add_weighted_pair(radius, angle, weights[0, k], weights[0, k + 1], score[0])
                else:
                    _compute_normal_pair(radius, angle, cosine, sine)
                    for q in range(query_count):
                        query_score = score[q]
                        cosine_weight, sine_weight = weights[q, k], weights[q, k + 1]
                        for lane in range(LANES):
                            query_score[lane] += (
                                cosine_weight * cosine[lane] + sine_weight * sine[lane]
                            )
                k += 2
            if number + 1 < state_count:
                state, next_state = next_state, state
        for lane in range(min(LANES, seed_count - base)):
            for q in range(query_count):
                if score[q, lane] >= threshold:
                    if hit_count < len(seeds):
                        seeds[hit_count] = seed_batch[base + lane]
                        queries[hit_count] = q
                        scores[hit_count] = score[q, lane]
                    hit_count += 1
    return hit_count


@njit(nogil=True, cache=True)
def _fill_state(state: Array) -> None:
    """Fill the generator's state, one word per row, from its first word, the seed."""
    for i in range(1, state.shape[0]):
        number, previous, row = np.int32(i), state[i - 1], state[i]
        for lane in range(row.shape[0]):
            x = previous[lane]
            x ^= (x >> np.int32(30)) & np.int32(3)
            row[lane] = np.int32(np.int32(_MULTIPLIER * x) + number)


@njit(nogil=True, cache=True)
def _mix_state(state: Array, mixed: Array) -> None:
    """Compute the generator's next words before tempering, one per row of ``mixed``.

    All 624 of them are the next state.
    """
    for i in range(mixed.shape[0]):
        following = state[i + 1] if i + 1 < _WORDS else mixed[i + 1 - _WORDS]
        distant = state[i + _FAR] if i + _FAR < _WORDS else mixed[i + _FAR - _WORDS]
        _mix_words(state[i], following, distant, mixed[i])


@njit(nogil=True, cache=True)
def _mix_words(current: Array, following: Array, distant: Array, mixed: Array) -> None:
    """Compute a word before tempering from three words of the state."""
    for lane in range(mixed.shape[0]):
        y = (current[lane] & _TOP) | (following[lane] & _LOWER)
        twisted = ((y >> np.int32(1)) & _LOWER) ^ (np.int32(-(y & np.int32(1))) & _TWIST)
        mixed[lane] = distant[lane] ^ twisted


@njit(nogil=True, cache=True)
def _temper_words(mixed: Array, tempered: Array, mask: Any, shift: Any) -> None:
    """Temper mixed words; keep the bits in ``mask`` as the highest of 24 bits."""
    for lane in range(tempered.shape[0]):
        v = mixed[lane]
        v ^= (v >> np.int32(11)) & np.int32(0x1FFFFF)
        v ^= np.int32(v << np.int32(7)) & _TEMPER_7
        v ^= np.int32(v << np.int32(15)) & _TEMPER_15
        v ^= (v >> np.int32(18)) & np.int32(0x3FFF)
        tempered[lane] = (v & mask) << shift


@njit(nogil=True, cache=True, fastmath=True)
def _add_weighted_pair(
    radius: Array, angle: Array, cosine: float, sine: float, score: Array
) -> None:
    """Compute as ``_compute_normal_pair`` and add the weighted pair to ``score``, for one query."""
    for lane in range(score.shape[0]):
        r = box_muller.radius(np.float32(np.int32(0x1000000) - radius[lane]))
        t = np.float32(angle[lane]) * np.float32(2.0**-24) - np.float32(0.5)
        quarter = t + np.float32(0.25)
        quarter -= np.floor(quarter + np.float32(0.5))
        score[lane] -= r * (cosine * box_muller.sine(quarter) + sine * box_muller.sine(t))


@njit(nogil=True, cache=True, fastmath=True)
def _compute_normal_pair(radius: Array, angle: Array, cosine: Array, sine: Array) -> None:
    """Compute Box and Muller's pair: one number by the angle's cosine, the other by its sine."""
    for lane in range(cosine.shape[0]):
        r = box_muller.radius(np.float32(np.int32(0x1000000) - radius[lane]))
        # A full turn is 1; subtracting half a turn changes both signs.
        t = np.float32(angle[lane]) * np.float32(2.0**-24) - np.float32(0.5)
        quarter = t + np.float32(0.25)
        quarter -= np.floor(quarter + np.float32(0.5))
        cosine[lane] = -r * box_muller.sine(quarter)
        sine[lane] = -r * box_muller.sine(t)
