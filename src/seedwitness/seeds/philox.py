"""Philox4x32 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011)."""

from __future__ import annotations

from typing import Any

import numpy as np

Words = np.ndarray[Any, np.dtype[np.uint32]]

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))  # golden ratio − 1, and √3 − 1
_HALF = np.uint64(32)


def philox4x32(counter: Words, key: Words, rounds: int = 10) -> Words:
    """Compute four random words for each counter: uint32 [4, n], from counters [4, n], keys [2, n].

    Keys and counters are broadcast.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    with np.errstate(over="ignore"):
        for round_number in range(rounds):
            if round_number:
                k0, k1 = k0 + WEYL[0], k1 + WEYL[1]
            high0, low0 = _product(MULTIPLIERS[0], c0)
            high1, low1 = _product(MULTIPLIERS[1], c2)
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
    return np.stack([c0, c1, c2, c3])


def _product(multiplier: np.uint64, words: Words) -> tuple[Words, Words]:
    """Return the high and the low half of the 64-bit product."""
    product = multiplier * words.astype(np.uint64)
    return (product >> _HALF).astype(np.uint32), product.astype(np.uint32)
