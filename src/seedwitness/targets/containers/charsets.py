"""Decode text whose declared character set is often not the real one.

Tools declare Latin-1 or ASCII and write UTF-8, declare "Unicode" and write UTF-16 of either byte
order or UTF-8 (allowed since EXIF 3.0), or lose a byte. The bytes decide, and the result says
where they contradict what is declared.
"""

from __future__ import annotations

from typing import NamedTuple

# The first eight bytes of EXIF's user comment name its character set.
COMMENT_CODES = {
    b"ASCII\0\0\0": "ASCII",
    b"JIS\0\0\0\0\0": "JIS",
    b"UNICODE\0": "Unicode",
    b"\0" * 8: "undefined",
}
_MIN_PRINTABLE = 0.85
"""Share of printable characters below which bytes are no text."""


class DecodedText(NamedTuple):
    """A text, and how it is encoded if that is not what was declared; empty otherwise."""

    text: str
    encoding: str = ""


def decode_latin1(data: bytes) -> DecodedText:
    """Decode text that is declared as Latin-1, which is UTF-8 if its bytes are valid UTF-8."""
    if data.isascii():
        return DecodedText(data.decode("ascii"))
    try:
        return DecodedText(data.decode("utf-8"), "UTF-8, though declared as Latin-1")
    except UnicodeDecodeError:
        return DecodedText(data.decode("latin-1"))


def decode_utf8(data: bytes) -> DecodedText:
    """Decode text that is declared as UTF-8; invalid bytes are read as Latin-1."""
    try:
        return DecodedText(data.decode("utf-8"))
    except UnicodeDecodeError:
        return DecodedText(data.decode("latin-1"), "no valid UTF-8, as declared; read as Latin-1")


def decode_user_comment(value: bytes) -> DecodedText | None:
    """Decode EXIF's user comment, whose first eight bytes name a character set; None if no text."""
    declared = COMMENT_CODES.get(value[:8], "")
    body = value[8:] if declared else value
    if declared == "JIS" and _is_printable(text := _try_codec(body, "iso2022_jp")):
        return DecodedText(_strip(text))
    return decode_by_content(body, declared)


def decode_by_content(body: bytes, declared: str = "") -> DecodedText | None:
    """Decode bytes by what they can be: UTF-16 if they have zeros, UTF-8, UTF-16, Latin-1.

    None if nothing gives printable text. An odd last byte of UTF-16 is dropped, which the encoding
    says.
    """
    bom = {b"\xfe\xff": "utf-16-be", b"\xff\xfe": "utf-16-le"}.get(body[:2])
    if bom is not None:
        return _decode_utf16(body[2:], declared, (bom,))
    content = body.rstrip(b"\0 ")
    if content.count(0) * 10 >= len(content) > 0:
        # The text's own last byte may have been a zero.
        return _decode_utf16(body, declared, ("utf-16-be", "utf-16-le"))
    text = _try_codec(content, "utf-8")
    if _is_printable(text):
        text = _strip(text)
        is_declared = text.isascii() and declared != "Unicode"
        return _name(text, "UTF-8", declared, is_expected=is_declared or declared == "undefined")
    if declared == "Unicode" or not declared:
        wide = _decode_utf16(body, declared, ("utf-16-be", "utf-16-le"))
        if wide is not None:
            return wide
    text = _try_codec(content, "latin-1")
    if not _is_printable(text):
        return None
    return _name(_strip(text), "Latin-1", declared, is_expected=False)


def _decode_utf16(body: bytes, declared: str, codecs: tuple[str, ...]) -> DecodedText | None:
    """Decode in the byte order that gives more ASCII: EXIF does not state the order of text.

    Generation settings are mostly ASCII, whatever the language of the prompt.
    """
    odd = len(body) % 2
    whole = body[: len(body) - odd]
    readings = [_try_codec(whole, codec) for codec in codecs]
    # A lost byte in front shifts the pairs; the other order then gives the text.
    text = max(readings, key=lambda reading: sum(c.isascii() and c != "\0" for c in reading))
    text = _strip(text.removeprefix("\ufeff"))
    if not _is_printable(text):
        return None
    if odd and body[-1:] not in (b"\0", b" "):
        return DecodedText(text, "UTF-16 with an odd byte at its end, which was dropped")
    return _name(text, "UTF-16", declared, is_expected=declared in ("Unicode", "undefined"))


def _name(text: str, encoding: str, declared: str, *, is_expected: bool) -> DecodedText | None:
    if not text:
        return None
    if is_expected or not declared:
        return DecodedText(text)
    return DecodedText(text, f"{encoding}, though declared as {declared}")


def _try_codec(data: bytes, codec: str) -> str:
    """Decode ``data``; lone surrogates pass for JSON's sake, otherwise empty if it is invalid."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        if not codec.startswith("utf-16"):
            return ""
    return data.decode(codec, "replace")


def _strip(text: str) -> str:
    return text.rstrip("\0 ")


def _is_printable(text: str) -> bool:
    if not text:
        return False
    odd = sum(not (c.isprintable() or c in "\t\r\n") or c == "\ufffd" for c in text[:100_000])
    return odd <= (1 - _MIN_PRINTABLE) * min(len(text), 100_000) and not text.startswith("\ufffd")
