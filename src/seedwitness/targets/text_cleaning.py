"""Foreign text made fit for a document: valid Unicode, of bounded length."""

from __future__ import annotations

LONGEST = 200
"""Characters of a value that are shown; its whole length is told beside them."""


def valid(text: str) -> str:
    """``text`` without what UTF-8 cannot hold: lone halves of surrogate pairs become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shortened(text: str, longest: int = LONGEST) -> str:
    """``text``, or its first ``longest`` characters with the number of all."""
    text = valid(text)
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"


def why(error: BaseException) -> str:
    """What an exception says, or its type where it says nothing."""
    return shortened(str(error) or type(error).__name__)
