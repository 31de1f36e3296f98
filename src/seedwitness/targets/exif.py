"""Read a file's EXIF as names and text, from every directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from PIL.ExifTags import GPSTAGS, IFD, TAGS, Interop

from seedwitness.targets.containers.charsets import (
    DecodedText,
    decode_by_content,
    decode_latin1,
    decode_user_comment,
)
from seedwitness.targets.text_cleaning import describe_error, shorten_text

USER_COMMENT_TAG = 0x9286
MAKER_NOTE_TAG = 0x927C
XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG = 0x02BC, 0x83BB, 0x8649
_POINTER_TAGS = {IFD.Exif, IFD.GPSInfo, IFD.Interop}
_WINDOWS_TAGS = {0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F}
"""The titles, comments and keywords of Windows: UTF-16, lower byte first."""
_DIRECTORIES: dict[str, tuple[IFD | None, Mapping[int, str]]] = {
    "": (None, TAGS),
    "Exif": (IFD.Exif, TAGS),
    "GPS": (IFD.GPSInfo, GPSTAGS),
    "Interop": (IFD.Interop, {tag.value: tag.name for tag in Interop}),
    "Thumbnail": (IFD.IFD1, TAGS),
}
MAX_TAGS = 500


@dataclass
class ExifReading:
    """What a file's EXIF holds."""

    values: dict[str, str] = field(default_factory=dict)
    """Name → short text of every tag."""
    texts: dict[str, DecodedText] = field(default_factory=dict)
    """Name → whole text of each tag that has one."""
    comments: set[str] = field(default_factory=set)
    """The names among ``texts`` that are user comments or maker notes, where settings stand."""
    unread: list[str] = field(default_factory=list)


def load_exif(blob: bytes) -> Image.Exif:
    """Load EXIF from its bytes, with or without their mark. May raise anything if it is forged."""
    exif = Image.Exif()
    exif.load(blob)
    return exif


def read_exif(exif: Image.Exif, image_format: str | None = None) -> ExifReading:
    """Read every tag of EXIF's directories: names, text, and unreadable tags with the reason.

    Values of more than 200 characters are cut, with their length; of binary values only the length
    is given. Tags without a name in EXIF are named by their number. Never raises.
    """
    found = ExifReading()
    count = 0
    for directory_name, (_, names) in _DIRECTORIES.items():
        tags, group_error = _read_directory(exif, directory_name, image_format)
        if group_error:
            found.unread.append(group_error)
        for tag, value in tags.items():
            if tag in _POINTER_TAGS or tag in (XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG):
                continue  # the latter are read as what they are
            count += 1
            if count > MAX_TAGS:
                continue
            name = names.get(tag, f"0x{tag:04X}")
            # The thumbnail has its own width and resolution.
            key = (
                f"{directory_name}.{name}"
                if directory_name == "Thumbnail" or name in found.values
                else name
            )
            _read_tag(found, key, tag, value)
    if count > MAX_TAGS:
        found.unread.append(f"EXIF: {count - MAX_TAGS:,} tags beyond {MAX_TAGS}")
    return found


def _read_tag(found: ExifReading, key: str, tag: int, value: Any) -> None:
    try:
        found.values[key] = format_value(value, tag)
        text = decode_value(value, tag)
    except Exception as error:  # a forged value may raise anything when it is read
        found.unread.append(f"EXIF {key}: {describe_error(error)}")
        return
    if text is not None and text.text.strip():
        found.texts[key] = text
        if tag in (USER_COMMENT_TAG, MAKER_NOTE_TAG):
            found.comments.add(key)
    elif tag == USER_COMMENT_TAG and len(value.strip(b"\0 ") if isinstance(value, bytes) else ""):
        body = value[8:].strip(b"\0 ")
        if body:
            found.unread.append(
                f"EXIF {key}: {len(value):,} bytes that are no text in UTF-8, UTF-16 or Latin-1"
            )


def decode_value(value: Any, tag: int = 0) -> DecodedText | None:
    """Decode the whole text of a tag; None if its value is no text."""
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        # Pillow decodes text as Latin-1, whatever it is; tools write UTF-8 and also UTF-16.
        try:
            data = value.encode("latin-1")
        except UnicodeEncodeError:
            return DecodedText(value.rstrip("\0 "))
        if tag == USER_COMMENT_TAG:
            return decode_user_comment(data)
        if data.rstrip(b"\0").count(0):
            return decode_by_content(data)
        decoded = decode_latin1(data.rstrip(b"\0 "))
        return decoded if decoded.text else None
    if not isinstance(value, bytes):
        return None
    if tag == USER_COMMENT_TAG:
        return decode_user_comment(value)
    if tag in _WINDOWS_TAGS:
        return decode_by_content(value)
    text = decode_by_content(value) if len(value.rstrip(b"\0")) >= 4 else None
    # A camera's binary values can pass for the text of some script; settings are mostly ASCII.
    if text is None or 2 * sum(c.isascii() for c in text.text) < len(text.text):
        return None
    return text


def format_value(value: Any, tag: int = 0) -> str:
    """Format one value as short, printable text without the NULs that end a C string."""
    if tag == USER_COMMENT_TAG and isinstance(value, bytes):
        comment = decode_user_comment(value)
        return f"{len(value):,} bytes" if comment is None else shorten_text(comment.text)
    if tag in _WINDOWS_TAGS and isinstance(value, bytes):
        decoded = decode_by_content(value)
        return f"{len(value):,} bytes" if decoded is None else shorten_text(decoded.text)
    if isinstance(value, bytes):
        try:
            text = value.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            return f"{len(value):,} bytes"
        return shorten_text(text) if _is_printable(text) else f"{len(value):,} bytes"
    if isinstance(value, tuple | list):
        # Format only as many of a million numbers as are shown.
        listed = ", ".join(format_value(item) for item in value[:200])
        remainder = f"… ({len(value):,} values)" if len(value) > 200 else ""
        return shorten_text(listed) + remainder
    if isinstance(value, str):
        whole = decode_value(value, tag)
        return shorten_text(whole.text if whole else value.rstrip("\0"))
    return shorten_text(str(value).rstrip("\0"))


def _read_directory(
    exif: Image.Exif, directory_name: str, image_format: str | None
) -> tuple[dict[int, Any], str]:
    """Read one EXIF directory by tag; the second value is the error, empty without one."""
    directory, _ = _DIRECTORIES[directory_name]
    if directory_name == "Thumbnail" and image_format == "TIFF":
        return {}, ""  # in TIFF the second directory is the second page
    try:
        tags = exif if directory is None else exif.get_ifd(directory)
        return dict(sorted(tags.items())), ""
    except Exception as error:  # Pillow's reader raises whatever a forged offset leads to
        location = f"EXIF, {directory_name}" if directory_name else "EXIF"
        return {}, f"{location}: {describe_error(error)}"


def _is_printable(decoded: str) -> bool:
    return all(character.isprintable() or character in "\t\r\n" for character in decoded)
