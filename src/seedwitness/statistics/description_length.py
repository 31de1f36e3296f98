"""Code lengths in bits: of a text under a fixed model of English, and of whole numbers.

In the model a text is a sequence of words, marks and spelled pieces, and an end. A word has its
frequency in the English list of wordfreq (Speer, "wordfreq", 2022; its data are frozen since 2021),
a mark is one of ASCII's 32, and everything else is spelled out in bytes of UTF-8. Case and spaces
are not coded, because CLIP's tokenizers read neither (except spaces between marks: "..." is one
token, ". . ." is three). The lengths are upper bounds: a language model would need fewer bits.
"""

from __future__ import annotations

import re
from functools import cache
from math import ceil, log2
from string import punctuation

TEXT_CODE = (
    "arithmetic code under the word frequencies of wordfreq's English list: case and spaces "
    "are not coded, words that are not in the list are spelled out in bytes"
)
WORD, MARK, SPELLED, END = 5 / 8, 1 / 4, 1 / 16, 1 / 16
"""Probabilities of the kinds of the next piece."""
_PIECES = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def count_text_bits(text: str) -> int:
    """Bits of ``text`` in an arithmetic code (Rissanen & Langdon 1979) under this file's model.

    The length is that of a whole, separately decodable code word, ⌈−log2 p⌉ + 1 (Cover & Thomas
    2006, §5.9). The empty text has the least, 5.
    """
    pieces = _PIECES.findall(text.lower())
    return ceil(-log2(END) + sum(_count_piece_bits(piece) for piece in pieces)) + 1


def count_number_bits(number: int) -> int:
    """Bits of a whole number, at least 1, in the delta code of Elias (1975).

    Raises ValueError below 1.
    """
    if number < 1:
        raise ValueError(f"{number} has no code: the code is for numbers from 1")
    length = number.bit_length()
    return length - 1 + 2 * (length.bit_length() - 1) + 1


def _count_piece_bits(piece: str) -> float:
    probability = _word_probabilities().get(piece)
    if probability is not None:
        return -log2(WORD) - log2(probability)
    if piece in punctuation:
        return -log2(MARK) + log2(len(punctuation))
    return -log2(SPELLED) + 8 * (len(piece.encode()) + 1)


@cache
def _word_probabilities() -> dict[str, float]:
    """The probability of each word, given that the next piece is a word; the sum is 1."""
    from wordfreq import get_frequency_dict

    frequencies = {
        word: frequency
        for word, frequency in get_frequency_dict("en", wordlist="large").items()
        if _PIECES.fullmatch(word)
    }
    total = sum(frequencies.values())
    return {word: frequency / total for word, frequency in frequencies.items()}
