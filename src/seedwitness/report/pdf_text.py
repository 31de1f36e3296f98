"""Text for the PDF: what its fonts do not have is spelled out, and long words can break."""

from __future__ import annotations

import re
import unicodedata

from seedwitness.report.formatting import make_visible

# Ranges that the fonts embedded in typst have: Latin, Greek, Cyrillic, and common signs.
PRINTABLE = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x2FF),
    (0x386, 0x38A),
    (0x38E, 0x3A1),
    (0x3A3, 0x3FF),
    (0x400, 0x482),
    (0x48A, 0x4FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x203E),
    (0x2070, 0x2071),
    (0x2074, 0x208E),
    (0x20A0, 0x20BF),
    (0x2190, 0x22FF),
    (0x27E8, 0x27E9),
)
MAX_CHARACTERS, MAX_WORD = 400, 34
BREAK = "\u200b"


def make_printable(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Text as the PDF can show it: composed, without hidden characters, and not too long.

    A character that the fonts lack becomes ``⟨U+4E2D⟩``. A text that is cut says how long it was.
    """
    shown = make_visible(unicodedata.normalize("NFC", text))
    cut = len(shown) > limit
    shown = "".join(_spell(character) for character in shown[:limit])
    shown = re.sub(r"\S+", lambda match: _break_word(match.group()), shown)
    return (
        f"{shown}… ({len(text):,} characters; all of them are in evidence.json)" if cut else shown
    )


def _break_word(word: str) -> str:
    """A word with places to break; a hash stays whole, so that it can be copied."""
    if re.fullmatch(r"[0-9a-f]{64}\W*", word):
        return word
    return BREAK.join(word[place : place + MAX_WORD] for place in range(0, len(word), MAX_WORD))


def _spell(character: str) -> str:
    code = ord(character)
    if character in "\n\t":
        return " "
    if any(low <= code <= high for low, high in PRINTABLE):
        return character
    return f"⟨U+{code:04X}⟩"
