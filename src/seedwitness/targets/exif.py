"""What a file's EXIF says, as readable names and text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.ExifTags import GPSTAGS, IFD, TAGS, Interop

from seedwitness.targets.text_cleaning import shortened, why

USER_COMMENT = 0x9286
_POINTERS = {IFD.Exif, IFD.GPSInfo, IFD.Interop}
_NAMES: dict[str, tuple[IFD | None, Mapping[int, str]]] = {
    "": (None, TAGS),
    "Exif": (IFD.Exif, TAGS),
    "GPS": (IFD.GPSInfo, GPSTAGS),
    "Interop": (IFD.Interop, {tag.value: tag.name for tag in Interop}),
    "Thumbnail": (IFD.IFD1, TAGS),
}
# The first eight bytes of a user comment name its character set.
_SETS = {b"ASCII\0\0\0": "ascii", b"JIS\0\0\0\0\0": "iso2022_jp", b"\0" * 8: "utf-8"}
_UNICODE = b"UNICODE\0"


def readable(image: Image.Image) -> tuple[dict[str, str], list[str]]:
    """EXIF of an opened picture as name → text, and what of it could not be read, with the reason.

    A value of more than 200 characters is cut, and its length told; of binary values only the
    length is told. A tag that EXIF does not name is called by its number. Never raises.
    """
    found: dict[str, str] = {}
    unread: list[str] = []
    for group, (_, names) in _NAMES.items():
        tags, fault = _group(image, group)
        if fault:
            unread.append(fault)
        for tag, value in tags.items():
            if tag in _POINTERS:
                continue
            name = names.get(tag, f"0x{tag:04X}")
            # A thumbnail has a width and a resolution of its own.
            key = f"{group}.{name}" if group == "Thumbnail" or name in found else name
            try:
                found[key] = text(value, tag)
            except Exception as error:  # a forged value may raise anything when it is looked at
                unread.append(f"EXIF {key}: {why(error)}")
    return found, unread


def user_comment(image: Image.Image) -> str | None:
    """The user comment in full, where there is one that can be read."""
    tags, _ = _group(image, "Exif")
    value = tags.get(USER_COMMENT)
    return value if isinstance(value, str) else _comment(value) if value else None


def text(value: Any, tag: int = 0) -> str:
    """One value as text: short, printable, without the NULs that end a string in C."""
    if tag == USER_COMMENT and isinstance(value, bytes):
        comment = _comment(value)
        return f"{len(value):,} bytes" if comment is None else shortened(comment)
    if isinstance(value, bytes):
        try:
            decoded = value.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            return f"{len(value):,} bytes"
        return shortened(decoded) if _printable(decoded) else f"{len(value):,} bytes"
    if isinstance(value, tuple | list):
        # Of a million numbers no more are spelt out than are shown.
        spelt = ", ".join(text(each) for each in value[:200])
        more = f"… ({len(value):,} values)" if len(value) > 200 else ""
        return shortened(spelt) + more
    return shortened(str(value).rstrip("\0"))


def _group(image: Image.Image, group: str) -> tuple[dict[int, Any], str]:
    """One directory of the EXIF, by tag; or why it cannot be read."""
    directory, _ = _NAMES[group]
    if group == "Thumbnail" and image.format == "TIFF":
        return {}, ""  # there the second directory is the second page
    try:
        exif = image.getexif()
        tags = exif if directory is None else exif.get_ifd(directory)
        return dict(sorted(tags.items())), ""
    except Exception as error:  # Pillow's reader raises whatever a forged offset leads to
        named = f"EXIF, {group}" if group else "EXIF"
        return {}, f"{named}: {why(error)}"


def _comment(value: bytes) -> str | None:
    """A user comment as text; None where its character set is unknown or not kept to."""
    code, body = value[:8], value[8:]
    if code == _UNICODE:
        return _utf16(body)
    if code not in _SETS:
        code, body = b"\0" * 8, value
    try:
        decoded = body.decode(_SETS[code]).rstrip("\0 ")
    except UnicodeDecodeError:
        return None
    return decoded if _printable(decoded) else None


def _utf16(body: bytes) -> str | None:
    """UTF-16 of the byte order that makes more ASCII of it: EXIF does not say which one it is.

    Settings of generation are mostly ASCII, whatever the language of the prompt.
    """
    readings = []
    for codec in ("utf-16-be", "utf-16-le"):
        try:
            readings.append(body.decode(codec).removeprefix("\ufeff").rstrip("\0 "))
        except UnicodeDecodeError:
            continue
    return max(readings, key=lambda each: sum(c.isascii() for c in each), default=None)


def _printable(decoded: str) -> bool:
    return all(character.isprintable() or character in "\t\r\n" for character in decoded)
