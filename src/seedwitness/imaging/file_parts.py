"""Split a PNG, JPEG or WebP file into its parts, and leave out those that the pixels do not need.

PNG: chunks (ISO/IEC 15948). JPEG: marker segments (ITU-T T.81). WebP: RIFF chunks (RFC 9649).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_UNPACKED_BYTES = 1 << 20
"""Largest unpacked text or profile of a PNG that Pillow accepts, in bytes."""

TRAILER = "trailer"
"""The name of the bytes after the end of the picture."""

_PNG_TEXT = ("tEXt", "zTXt", "iTXt")
_PNG_PIXELS = ("IHDR", "PLTE", "tRNS", "IDAT", "IEND", "acTL", "fcTL", "fdAT")
# What decides how the pixels are shown: colours and orientation.
_PNG_COLOURS = ("iCCP", "sRGB", "gAMA", "cHRM", "cICP", "eXIf", "sBIT")
_CODING_BYTES = 12
_JPEG_PROFILES = {"APP1": b"Exif\0", "APP2": b"ICC_PROFILE\0"}
_WEBP_PIXELS = ("VP8 ", "VP8L", "ALPH", "ANIM", "ANMF")
_WEBP_FLAGS = {"ICCP": 0x20, "EXIF": 0x08, "XMP ": 0x04}


class FilePart(NamedTuple):
    """A part of a picture file: its name, its content, its bytes with head and checksum."""

    name: str
    data: bytes
    raw: bytes
    fault: str = ""
    """What is wrong with the part, as the end of a sentence; empty for a sound one."""


def identify_container(data: bytes) -> str:
    """Name the container of a file by its first bytes: PNG, JPEG or WEBP; empty for others."""
    if data.startswith(PNG_SIGNATURE):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    return "WEBP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def iter_parts(data: bytes) -> Iterator[FilePart]:
    """Split a PNG, JPEG or WebP file into its parts, in their order; no part for other files.

    A part that is cut off is the last. Bytes after the end of the picture are the part ``TRAILER``.
    """
    splitters: dict[str, Callable[[bytes], Iterator[FilePart]]] = {
        "PNG": _iter_png_chunks,
        "JPEG": _iter_jpeg_segments,
        "WEBP": _iter_webp_chunks,
    }
    splitter = splitters.get(identify_container(data))
    return splitter(data) if splitter else iter(())


def is_ancillary(part: FilePart) -> bool:
    """Whether a PNG chunk is ancillary: the fifth bit of its first letter is set."""
    return part.name[:1].islower()


def unpack(data: bytes, limit: int) -> bytes:
    """Unpack a zlib stream. Raises ValueError if it is broken or longer than ``limit`` bytes."""
    decompressor = zlib.decompressobj()
    try:
        unpacked = decompressor.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(f"cannot be unpacked: {error}") from error
    if len(unpacked) > limit:
        raise ValueError(f"unpacks to more than {limit:,} bytes")
    if not decompressor.eof:
        raise ValueError("cannot be unpacked: the packed data is cut off")
    return unpacked


def iter_without_optional_parts(data: bytes) -> Iterator[tuple[bytes, list[FilePart]]]:
    """Copies of a file without optional parts, and the parts left out; ever more are left out.

    First those that are faulty or too large for Pillow, then all but what decides colours and
    orientation, and last all but the pixels. No copy for a file that is no PNG, JPEG or WebP.
    """
    container = identify_container(data)
    if not container:
        return
    parts = list(iter_parts(data))
    keeps: list[Callable[[FilePart], bool]] = {
        "PNG": [
            lambda part: not is_ancillary(part) or _is_sound_png_chunk(part),
            lambda part: (
                not is_ancillary(part)
                or (part.name in (*_PNG_PIXELS, *_PNG_COLOURS) and _is_sound_png_chunk(part))
            ),
            lambda part: not is_ancillary(part) or (part.name in _PNG_PIXELS and not part.fault),
        ],
        "JPEG": [
            lambda part: part.name not in ("APP2", "APP13", "COM") or _is_jpeg_profile(part),
            lambda part: not _is_jpeg_metadata(part) or _is_jpeg_profile(part),
            lambda part: not _is_jpeg_metadata(part),
        ],
        "WEBP": [
            lambda part: part.name in (*_WEBP_PIXELS, *_WEBP_FLAGS, "VP8X"),
            lambda part: part.name in (*_WEBP_PIXELS, "ICCP", "EXIF", "VP8X"),
            lambda part: part.name in (*_WEBP_PIXELS, "VP8X"),
        ],
    }[container]
    previous = -1
    for keep in keeps:
        kept = [part for part in parts if part.name != TRAILER and keep(part)]
        left_out = [part for part in parts if part.name != TRAILER and not keep(part)]
        if len(left_out) > max(previous, 0):
            previous = len(left_out)
            yield _JOINERS[container](kept), left_out


def _iter_png_chunks(data: bytes) -> Iterator[FilePart]:
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(data):
        length, name_bytes = struct.unpack_from(">I4s", data, position)
        name, end = name_bytes.decode("latin-1"), position + 8 + length
        content = data[position + 8 : end]
        if end + 4 > len(data):
            yield FilePart(name, content, data[position:], "it is cut off")
            return
        fault = ""
        if name[:1].islower() and zlib.crc32(data[position + 4 : end]) != int.from_bytes(
            data[end : end + 4], "big"
        ):
            fault = "its checksum is wrong"
        yield FilePart(name, content, data[position : end + 4], fault)
        position = end + 4
        if name == "IEND":
            break
    if position < len(data):
        yield FilePart(TRAILER, data[position:], data[position:])


def _is_sound_png_chunk(part: FilePart) -> bool:
    """Whether Pillow reads an ancillary chunk: its checksum is right, its content not too large."""
    if part.fault:
        return False
    key, _, rest = part.data.partition(b"\0")
    try:
        if part.name in ("zTXt", "iCCP"):
            unpack(rest[1:], MAX_UNPACKED_BYTES)
        elif part.name == "iTXt" and rest[:1] == b"\1":
            unpack(rest[2:].split(b"\0", 2)[2], MAX_UNPACKED_BYTES)
    except (ValueError, IndexError):
        return False
    return part.name not in _PNG_TEXT or (bool(key) and len(part.data) <= MAX_UNPACKED_BYTES)


def _join_png(parts: list[FilePart]) -> bytes:
    return PNG_SIGNATURE + b"".join(part.raw for part in parts)


def _iter_jpeg_segments(data: bytes) -> Iterator[FilePart]:
    """The segments; those of a scan, with its coded data, are parts of the name ``SOS``."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            yield FilePart(TRAILER, data[position:], data[position:])
            return
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker == 0xD9:
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            position += 2
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        name = _name_jpeg_marker(marker)
        content = data[position + 4 : end]
        if end > len(data) or end < position + 4:
            yield FilePart(name, content, data[position:], "it is cut off")
            return
        if marker == 0xDA:
            end = _find_scan_end(data, end)
        yield FilePart(name, content, data[position:end])
        position = end
    if data[position : position + 2] != b"\xff\xd9":
        return  # cut off; an end that is added would make a whole picture of it
    yield FilePart("EOI", b"", b"\xff\xd9")
    if position + 2 < len(data):
        yield FilePart(TRAILER, data[position + 2 :], data[position + 2 :])


def _name_jpeg_marker(marker: int) -> str:
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}"
    return {0xFE: "COM", 0xDA: "SOS"}.get(marker, f"{marker:02X}")


def _find_scan_end(data: bytes, position: int) -> int:
    """The position of the first marker after coded data; restart markers belong to the data."""
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            return len(data)
        following = data[position + 1]
        if following != 0 and following != 0xFF and not 0xD0 <= following <= 0xD7:
            return position
        position += 1 if following == 0xFF else 2


def _is_jpeg_metadata(part: FilePart) -> bool:
    # APP0 (JFIF) and APP14 (Adobe) say how the components are coded, if they are whole.
    is_coding = part.name in ("APP0", "APP14") and len(part.data) >= _CODING_BYTES
    return part.name == "COM" or (part.name[:3] == "APP" and not is_coding)


def _is_jpeg_profile(part: FilePart) -> bool:
    mark = _JPEG_PROFILES.get(part.name)
    return mark is not None and part.data.startswith(mark)


def _join_jpeg(parts: list[FilePart]) -> bytes:
    return b"\xff\xd8" + b"".join(part.raw for part in parts)


def _iter_webp_chunks(data: bytes) -> Iterator[FilePart]:
    position, limit = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while position + 8 <= limit:
        name = data[position : position + 4].decode("latin-1")
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        end = position + 8 + length
        content = data[position + 8 : end]
        if end > len(data):
            yield FilePart(name, content, data[position:], "it is cut off")
            return
        end += length & 1  # chunks are padded to even lengths
        yield FilePart(name, content, data[position:end])
        position = end
    if position < len(data):
        yield FilePart(TRAILER, data[position:], data[position:])


def _join_webp(parts: list[FilePart]) -> bytes:
    names = {part.name for part in parts}
    body = b""
    for part in parts:
        raw = part.raw + b"\0" * (len(part.raw) & 1)
        if part.name == "VP8X":  # its flags announce the optional chunks
            absent = sum(flag for name, flag in _WEBP_FLAGS.items() if name not in names)
            raw = raw[:8] + bytes([raw[8] & ~absent]) + raw[9:]
        body += raw
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


_JOINERS = {"PNG": _join_png, "JPEG": _join_jpeg, "WEBP": _join_webp}
