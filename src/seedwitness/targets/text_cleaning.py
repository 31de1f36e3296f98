"""Make foreign text safe for a document: valid Unicode of bounded length."""

from __future__ import annotations

MAX_VALUE_LENGTH = 200
"""Number of characters of a value that are shown, followed by the full length."""


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
