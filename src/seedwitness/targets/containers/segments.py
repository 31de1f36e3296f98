"""Read the segments of a JPEG and the chunks of a WebP: EXIF, XMP, IPTC, comments, the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from seedwitness.imaging.file_parts import TRAILER, FilePart
from seedwitness.targets.containers.charsets import DecodedText, decode_utf8

EXIF_MARK = b"Exif\0"
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP_MARK = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP_MARK = b"Photoshop 3.0\0"
JUMBF_MARK = b"JP"
_EXTENDED_HEAD = 40
"""Bytes before a part of extended XMP: its hash, the full length, the offset."""

# Segments that say how the picture is coded or shown.
_JPEG_UNDERSTOOD: dict[str, tuple[bytes, ...]] = {
    "APP0": (b"JFIF\0", b"JFXX\0"),
    "APP2": (b"ICC_PROFILE\0", b"MPF\0"),
    "APP14": (b"Adobe",),
}
_WEBP_UNDERSTOOD = ("VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP")


@dataclass
class SegmentMetadata:
    """The metadata of a JPEG's segments or a WebP's chunks."""

    comments: list[DecodedText] = field(default_factory=list)
    exif: list[bytes] = field(default_factory=list)
    xmp: list[bytes] = field(default_factory=list)
    iptc: list[bytes] = field(default_factory=list)
    """Photoshop's resources, IPTC records among them."""
    c2pa_bytes: int = 0
    unread: list[str] = field(default_factory=list)


def read_jpeg(parts: list[FilePart]) -> SegmentMetadata:
    """Read the metadata of a JPEG's segments. Unknown segments are named in ``unread``."""
    found = SegmentMetadata()
    extended: dict[bytes, dict[int, bytes]] = {}
    for part in parts:
        data = part.data
        if part.fault:
            found.unread.append(f"JPEG segment {part.name}, {len(data):,} bytes: {part.fault}")
        elif part.name == "COM":
            found.comments.append(_decode_comment(data))
        elif part.name == "APP1" and data.startswith(EXIF_MARK):
            found.exif.append(data)
        elif part.name == "APP1" and data.startswith(XMP_MARK):
            found.xmp.append(data[len(XMP_MARK) :])
        elif part.name == "APP1" and data.startswith(EXTENDED_XMP_MARK):
            body = data[len(EXTENDED_XMP_MARK) :]
            offset = int.from_bytes(body[36:40], "big")
            extended.setdefault(body[:32], {})[offset] = body[_EXTENDED_HEAD:]
        elif part.name == "APP13" and data.startswith(PHOTOSHOP_MARK):
            found.iptc.append(data[len(PHOTOSHOP_MARK) :])
        elif part.name == "APP11" and data.startswith(JUMBF_MARK):
            found.c2pa_bytes += len(data)
        elif part.name == TRAILER:
            found.unread.append(f"{len(data):,} bytes after the end of the JPEG")
        elif part.name[:3] == "APP" and not data.startswith(_JPEG_UNDERSTOOD.get(part.name, ())):
            found.unread.append(_describe_segment(part))
    found.xmp += [
        b"".join(pieces[offset] for offset in sorted(pieces)) for pieces in extended.values()
    ]
    return found


def read_webp(parts: list[FilePart]) -> SegmentMetadata:
    """Read the metadata of a WebP's chunks. Unknown chunks are named in ``unread``."""
    found = SegmentMetadata()
    filed: dict[str, Callable[[bytes], object]] = {
        "EXIF": found.exif.append,
        "XMP ": found.xmp.append,
    }
    for part in parts:
        name = part.name if part.name.isascii() and part.name.isprintable() else ascii(part.name)
        if part.fault:
            found.unread.append(f"WebP chunk {name}, {len(part.data):,} bytes: {part.fault}")
        elif part.name in filed:
            filed[part.name](part.data)
        elif part.name == "C2PA":
            found.c2pa_bytes += len(part.data)
        elif part.name == TRAILER:
            found.unread.append(f"{len(part.data):,} bytes after the end of the WebP")
        elif part.name not in _WEBP_UNDERSTOOD:
            found.unread.append(f"WebP chunk {name}, {len(part.data):,} bytes of no known kind")
    return found


def _decode_comment(data: bytes) -> DecodedText:
    decoded = decode_utf8(data)
    return DecodedText(decoded.text.rstrip("\0"), decoded.encoding and "Latin-1")


def _describe_segment(part: FilePart) -> str:
    mark = part.data[:40].split(b"\0")[0].decode("latin-1")
    shown = f" that begins with {mark!r}" if len(mark) >= 3 and mark.isprintable() else ""
    return f"JPEG segment {part.name}{shown}, {len(part.data):,} bytes of no known kind"
