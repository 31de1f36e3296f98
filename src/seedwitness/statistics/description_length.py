"""Lengths of codes in bits: of a text under a fixed model of English, and of whole numbers.

The model: a text is a row of words, marks and spelled pieces, and an end; a word has its frequency
in the English list of wordfreq (Speer, "wordfreq", 2022; its data are frozen since 2021), a mark is
one of ASCII's 32, all else is spelled out in bytes of UTF-8. Case and spaces are not coded, because
CLIP's tokenizers read neither (but for spaces between marks: "..." is one token, ". . ." three). A
language model would need fewer bits: these bound from above.
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
"""How likely the next piece is of each kind."""
_PIECES = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def text_bits(text: str) -> int:
    """Bits of ``text`` in an arithmetic code (Rissanen & Langdon 1979) under this file's model.

    The length of a whole code word that decodes by itself, ⌈−log2 p⌉ + 1 (Cover & Thomas 2006,
    §5.9). At least 5, for the empty text.
    """
    pieces = _PIECES.findall(text.lower())
    return ceil(-log2(END) + sum(_bits(each) for each in pieces)) + 1


def number_bits(number: int) -> int:
    """Bits of a whole number, at least 1, in the delta code of Elias (1975).

    Raises ValueError below 1.
    """
    if number < 1:
        raise ValueError(f"{number} has no code: the numbers begin with 1")
    length = number.bit_length()
    return length - 1 + 2 * (length.bit_length() - 1) + 1


def _bits(piece: str) -> float:
    known = _words().get(piece)
    if known is not None:
        return -log2(WORD) - log2(known)
    if piece in punctuation:
        return -log2(MARK) + log2(len(punctuation))
    return -log2(SPELLED) + 8 * (len(piece.encode()) + 1)


@cache
def _words() -> dict[str, float]:
    """The probability of each word, given that a word comes next: they sum to 1."""
    from wordfreq import get_frequency_dict

    found = {
        word: frequency
        for word, frequency in get_frequency_dict("en", wordlist="large").items()
        if _PIECES.fullmatch(word)
    }
    total = sum(found.values())
    return {word: frequency / total for word, frequency in found.items()}
