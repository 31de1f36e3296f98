"""Make foreign text safe for a document: valid Unicode of bounded length."""

from __future__ import annotations

import unicodedata

MAX_VALUE_LENGTH = 200
"""Number of characters of a value that are shown, followed by the full length."""

_SHOWN_CONTROLS = "\t\r\n\u200c\u200d"


def replace_surrogates(text: str) -> str:
    """Replace what UTF-8 cannot encode: lone halves of surrogate pairs become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shorten_text(text: str, max_length: int = MAX_VALUE_LENGTH) -> str:
    """Return ``text``, cut to ``max_length`` characters and followed by its full length."""
    text = replace_surrogates(text)
    if len(text) <= max_length:
        return text
    return f"{text[:max_length]}… ({len(text):,} characters)"


def describe_error(error: BaseException) -> str:
    """Return the message of an exception, or its type if the message is empty."""
    return shorten_text(str(error) or type(error).__name__)


def describe_hidden_characters(text: str) -> str:
    """Describe characters that do not show: controls and marks of direction; empty without any.

    Tabs and line breaks show, and so do the joiners that scripts and emoji need.
    """
    counts: dict[str, int] = {}
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Cf") and character not in _SHOWN_CONTROLS:
            counts[character] = counts.get(character, 0) + 1
    if not counts:
        return ""
    listed = ", ".join(f"U+{ord(c):04X} × {n:,}" for c, n in sorted(counts.items())[:6])
    more = f" and {len(counts) - 6} more kinds" if len(counts) > 6 else ""
    return (
        f"{sum(counts.values()):,} characters that do not show or turn the direction of text"
        f" ({listed}{more}); they stay in the claim"
    )
