"""Read the chunks of a PNG: text in all its forms, EXIF, XMP, colours, and private chunks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from seedwitness.imaging.file_parts import TRAILER, FilePart, is_ancillary, unpack
from seedwitness.targets.containers.charsets import DecodedText, decode_latin1, decode_utf8
from seedwitness.targets.text_cleaning import replace_surrogates, shorten_text

MAX_TEXT_BYTES = 16 << 20
"""Largest unpacked text, in bytes."""
MAX_ALL_TEXT_BYTES = 64 << 20
"""Largest size of all texts of a file together, in bytes."""

XMP_KEY = "XML:com.adobe.xmp"
COMFYUI_CHUNK = "comf"
"""The private chunk of ComfyUI's animated PNG: key, a zero byte, text."""

# Chunks that describe pixels, colours or frames, not the making.
_UNDERSTOOD = {
    "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "bKGD", "pHYs", "sBIT", "hIST", "acTL", "fcTL", "fdAT",
}  # fmt: skip


@dataclass
class PngMetadata:
    """The metadata of a PNG's chunks."""

    texts: list[tuple[str, str, DecodedText]] = field(default_factory=list)
    """Location, key and text of each text chunk, in the file's order."""
    exif: list[bytes] = field(default_factory=list)
    xmp: list[bytes] = field(default_factory=list)
    iptc: list[bytes] = field(default_factory=list)
    """IPTC records that ImageMagick wrote into a text chunk, as Photoshop's resources."""
    colours: list[str] = field(default_factory=list)
    time: str = ""
    c2pa_bytes: int = 0
    unread: list[str] = field(default_factory=list)


def read_png(parts: list[FilePart]) -> PngMetadata:
    """Read the metadata of a PNG's chunks. Faulty and unknown chunks are named in ``unread``."""
    found, total = PngMetadata(), 0
    for part in parts:
        if part.fault:
            found.unread.append(_describe_fault(part))
        elif part.name in ("tEXt", "zTXt", "iTXt"):
            key = part.data.partition(b"\0")[0]
            label = f"PNG text `{shorten_text(decode_latin1(key).text, 79)}`"
            try:
                text = _read_text(part, MAX_ALL_TEXT_BYTES - total)
            except (ValueError, IndexError) as error:
                found.unread.append(f"{label}: {str(error) or 'its fields are not complete'}")
                continue
            total += len(text.text)
            _file_text(found, decode_latin1(key).text, text)
        elif part.name == COMFYUI_CHUNK:
            raw_key, mark, body = part.data.partition(b"\0")
            if not mark:
                found.unread.append(_describe_private(part))
            else:
                location = f"PNG chunk {COMFYUI_CHUNK}"
                found.texts.append((location, decode_latin1(raw_key).text, decode_utf8(body)))
        elif part.name == "eXIf":
            found.exif.append(part.data)
        elif part.name == "cICP":
            found.colours.append(_describe_cicp(part.data))
        elif part.name == "tIME":
            found.time = _format_time(part.data)
        elif part.name == "caBX":
            found.c2pa_bytes += len(part.data)
        elif part.name == TRAILER:
            found.unread.append(f"{len(part.data):,} bytes after the end of the PNG")
        elif is_ancillary(part) and part.name not in _UNDERSTOOD:
            found.unread.append(_describe_private(part))
    return found


def _read_text(part: FilePart, budget: int) -> DecodedText:
    """The text of a tEXt, zTXt or iTXt chunk. Raises ValueError if it cannot be unpacked."""
    limit = max(0, min(MAX_TEXT_BYTES, budget))
    _, mark, rest = part.data.partition(b"\0")
    if not mark:
        raise ValueError("no zero byte ends its key")
    if part.name == "zTXt":
        return decode_latin1(unpack(rest[1:], limit))
    if part.name == "iTXt":
        packed = rest[0]
        _, _, body = rest[2:].split(b"\0", 2)
        return decode_utf8(unpack(body, limit) if packed else _bound(body, limit))
    return decode_latin1(_bound(rest, limit))


def _bound(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise ValueError(f"longer than {limit:,} bytes")
    return data


def _file_text(found: PngMetadata, key: str, text: DecodedText) -> None:
    profile = re.fullmatch(r"Raw profile type (\w+)", key)
    if key == XMP_KEY:
        found.xmp.append(text.text.encode("utf-8", "surrogatepass"))
    elif profile:
        _file_raw_profile(found, profile[1].lower(), text.text)
    else:
        found.texts.append(("PNG text", replace_surrogates(key), text))


def _file_raw_profile(found: PngMetadata, kind: str, text: str) -> None:
    """A profile that ImageMagick wrote as text: a name, a length, then hexadecimal digits."""
    lines = text.strip().split("\n")
    try:
        data = bytes.fromhex("".join(lines[2:]))
    except ValueError:
        data = b""
    known = {"exif": found.exif, "app1": found.exif, "xmp": found.xmp, "iptc": found.iptc,
             "8bim": found.iptc}  # fmt: skip
    if not data or kind not in known:
        reason = "no profile of a known kind" if data else "no hexadecimal digits"
        found.unread.append(f"PNG text `Raw profile type {shorten_text(kind, 40)}`: {reason}")
    elif data.startswith(b"http://ns.adobe.com/xap/"):
        found.xmp.append(data.partition(b"\0")[2])
    else:
        known[kind].append(data)


def _describe_fault(part: FilePart) -> str:
    size = f"{len(part.data):,} bytes"
    if part.name not in ("tEXt", "zTXt", "iTXt"):
        return f"PNG chunk {_show_name(part)} of {size}: {part.fault}"
    key, _, text = part.data.partition(b"\0")
    shown = f"; it reads: {shorten_text(decode_latin1(text).text)}" if part.name == "tEXt" else ""
    key_text = shorten_text(decode_latin1(key).text, 79)
    return f"PNG text `{key_text}` of {size}: {part.fault}, so it was not taken{shown}"


def _describe_private(part: FilePart) -> str:
    start = part.data[:60]
    shown = start.decode("utf-8", "ignore")
    is_text = len(shown) >= 4 and shown.isprintable()
    return (
        f"PNG chunk {_show_name(part)}, {len(part.data):,} bytes of no known kind"
        f"{f', which begins: {shorten_text(shown)}' if is_text else ''}"
    )


def _show_name(part: FilePart) -> str:
    return part.name if part.name.isascii() and part.name.isalpha() else ascii(part.name)


CICP_PRIMARIES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
CICP_TRANSFERS = {1: "BT.709", 8: "linear", 13: "sRGB", 16: "PQ", 18: "HLG"}


def _describe_cicp(data: bytes) -> str:
    """Describe cICP (ITU-T H.273): primaries, transfer function, matrix, range."""
    if len(data) != 4:
        return f"cICP of {len(data)} bytes instead of 4 not applied"
    primaries, transfer, matrix, full_range = data
    names = (
        f"primaries {CICP_PRIMARIES.get(primaries, primaries)}, transfer "
        f"{CICP_TRANSFERS.get(transfer, transfer)}, matrix {matrix}, "
        f"{'full' if full_range else 'limited'} range"
    )
    if (primaries, transfer, matrix, full_range) == (1, 13, 0, 1):
        return f"cICP states sRGB ({names})"
    return f"cICP ({names}) not applied: the pixels are taken as sRGB"


def _format_time(data: bytes) -> str:
    if len(data) != 7:
        return ""
    year = int.from_bytes(data[:2], "big")
    month, day, hour, minute, second = data[2:]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
