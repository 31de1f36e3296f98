"""Correlate the noise of `philox-nv` with weights, seed by seed, on one core (numba).

Every element needs one evaluation of Philox4x32-10, so all elements cost the same. Seeds are
computed side by side in lanes. Logarithm and sine are short polynomials: a score is within 0.01 of
the exact one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from seedwitness.seeds import box_muller

LANES = 128

DRAW = 2**32
"""Elements are numbered as if a draw had as many."""

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_WORD, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
_ROUNDS = 10

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
) -> int:
    """Write every seed and query whose score reaches ``threshold``; return their number.

    As ``mt19937_kernels.scan_seeds``, for any ``elements``: each is the number of the draw times
    DRAW, plus the index within the draw.
    """
    query_count = weights.shape[0]
    words = np.empty((2, LANES), np.uint64)
    keys = np.empty(LANES, np.uint64)
    normal = np.empty(LANES, np.float32)
    score = np.empty((query_count, LANES), np.float32)
    hit_count, seed_count = 0, len(seed_batch)
    for base in range(0, seed_count, LANES):
        score[:] = np.float32(0)
        for lane in range(LANES):
            # Unused lanes at the end repeat the last seed and are ignored.
            keys[lane] = seed_batch[min(base + lane, seed_count - 1)]
        for k in range(len(elements)):
            element = np.uint64(elements[k])
            _compute_words(keys, element >> _SHIFT, element & _WORD, words)
            _compute_normals(words[0], words[1], normal)
            for q in range(query_count):
                query_score, weight = score[q], weights[q, k]
                for lane in range(LANES):
                    query_score[lane] += weight * normal[lane]
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
def _compute_words(keys: Array, draw: Any, element: Any, words: Array) -> None:
    """Compute Philox's first two words of one element of a draw for each key: rows of 32 bits."""
    for lane in range(LANES):
        k0, k1 = keys[lane] & _WORD, np.uint64(0)
        c0, c1, c2, c3 = draw, np.uint64(0), element, np.uint64(0)
        for _ in range(_ROUNDS):
            first_product, second_product = _M0 * (c0 & _WORD), _M1 * (c2 & _WORD)
            c0, c1 = (second_product >> _SHIFT) ^ c1 ^ k0, second_product & _WORD
            c2, c3 = (first_product >> _SHIFT) ^ c3 ^ k1, first_product & _WORD
            k0, k1 = (k0 + _W0) & _WORD, (k1 + _W1) & _WORD
        words[0, lane], words[1, lane] = c0, c1


@njit(nogil=True, cache=True, fastmath=True)
def _compute_normals(first: Array, second: Array, normal: Array) -> None:
    """Compute normal numbers from two words by Box and Muller's sine."""
    for lane in range(normal.shape[0]):
        # The 24 high bits of a word, at the middle of their interval, are precise enough.
        m = np.float32(np.int32(first[lane] >> np.uint64(8))) + np.float32(0.5)
        t = np.float32(np.int32(second[lane] >> np.uint64(8))) * np.float32(2.0**-24)
        t -= np.float32(0.5)
        normal[lane] = -box_muller.radius(m) * box_muller.sine(t)
