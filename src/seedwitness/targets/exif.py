"""Read a file's EXIF as names and text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.ExifTags import GPSTAGS, IFD, TAGS, Interop

from seedwitness.targets.text_cleaning import describe_error, shorten_text

USER_COMMENT_TAG = 0x9286
_POINTER_TAGS = {IFD.Exif, IFD.GPSInfo, IFD.Interop}
_DIRECTORIES: dict[str, tuple[IFD | None, Mapping[int, str]]] = {
    "": (None, TAGS),
    "Exif": (IFD.Exif, TAGS),
    "GPS": (IFD.GPSInfo, GPSTAGS),
    "Interop": (IFD.Interop, {tag.value: tag.name for tag in Interop}),
    "Thumbnail": (IFD.IFD1, TAGS),
}
# The first eight bytes of a user comment name its character set.
_CHARACTER_SETS = {b"ASCII\0\0\0": "ascii", b"JIS\0\0\0\0\0": "iso2022_jp", b"\0" * 8: "utf-8"}
_UNICODE_CODE = b"UNICODE\0"


def read_exif(image: Image.Image) -> tuple[dict[str, str], list[str]]:
    """Read the EXIF of an opened picture: name → text, and unreadable tags with the reason.

    Values of more than 200 characters are cut, with their length; of binary values only the length
    is given. Tags without a name in EXIF are named by their number. Never raises.
    """
    values: dict[str, str] = {}
    unread: list[str] = []
    for directory_name, (_, names) in _DIRECTORIES.items():
        tags, group_error = _read_directory(image, directory_name)
        if group_error:
            unread.append(group_error)
        for tag, value in tags.items():
            if tag in _POINTER_TAGS:
                continue
            name = names.get(tag, f"0x{tag:04X}")
            # The thumbnail has its own width and resolution.
            key = (
                f"{directory_name}.{name}"
                if directory_name == "Thumbnail" or name in values
                else name
            )
            try:
                values[key] = format_value(value, tag)
            except Exception as error:  # a forged value may raise anything when it is read
                unread.append(f"EXIF {key}: {describe_error(error)}")
    return values, unread


def read_user_comment(image: Image.Image) -> str | None:
    """Return the full user comment; None if there is none or it cannot be decoded."""
    tags, _ = _read_directory(image, "Exif")
    value = tags.get(USER_COMMENT_TAG)
    return value if isinstance(value, str) else _decode_user_comment(value) if value else None


def format_value(value: Any, tag: int = 0) -> str:
    """Format one value as short, printable text without the NULs that end a C string."""
    if tag == USER_COMMENT_TAG and isinstance(value, bytes):
        comment = _decode_user_comment(value)
        return f"{len(value):,} bytes" if comment is None else shorten_text(comment)
    if isinstance(value, bytes):
        try:
            decoded = value.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            return f"{len(value):,} bytes"
        return shorten_text(decoded) if _is_printable(decoded) else f"{len(value):,} bytes"
    if isinstance(value, tuple | list):
        # Format only as many of a million numbers as are shown.
        listed = ", ".join(format_value(item) for item in value[:200])
        remainder = f"… ({len(value):,} values)" if len(value) > 200 else ""
        return shorten_text(listed) + remainder
    return shorten_text(str(value).rstrip("\0"))


def _read_directory(image: Image.Image, directory_name: str) -> tuple[dict[int, Any], str]:
    """Read one EXIF directory by tag; the second value is the error, empty without one."""
    directory, _ = _DIRECTORIES[directory_name]
    if directory_name == "Thumbnail" and image.format == "TIFF":
        return {}, ""  # in TIFF the second directory is the second page
    try:
        exif = image.getexif()
        tags = exif if directory is None else exif.get_ifd(directory)
        return dict(sorted(tags.items())), ""
    except Exception as error:  # Pillow's reader raises whatever a forged offset leads to
        location = f"EXIF, {directory_name}" if directory_name else "EXIF"
        return {}, f"{location}: {describe_error(error)}"


def _decode_user_comment(value: bytes) -> str | None:
    """Decode a user comment; None if its character set is unknown or the bytes violate it."""
    code, body = value[:8], value[8:]
    if code == _UNICODE_CODE:
        return _decode_utf16(body)
    if code not in _CHARACTER_SETS:
        code, body = b"\0" * 8, value
    try:
        decoded = body.decode(_CHARACTER_SETS[code]).rstrip("\0 ")
    except UnicodeDecodeError:
        return None
    return decoded if _is_printable(decoded) else None


def _decode_utf16(body: bytes) -> str | None:
    """Decode UTF-16 in the byte order that gives more ASCII: EXIF does not state the byte order.

    Generation settings are mostly ASCII, whatever the language of the prompt.
    """
    readings = []
    for codec in ("utf-16-be", "utf-16-le"):
        try:
            readings.append(body.decode(codec).removeprefix("\ufeff").rstrip("\0 "))
        except UnicodeDecodeError:
            continue
    return max(readings, key=lambda text: sum(c.isascii() for c in text), default=None)


def _is_printable(decoded: str) -> bool:
    return all(character.isprintable() or character in "\t\r\n" for character in decoded)
