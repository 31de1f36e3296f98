"""Read the text fields in which generators store their settings, whatever the container."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from seedwitness.targets.exif import read_user_comment
from seedwitness.targets.text_cleaning import describe_error

# Text hidden in the lowest bits of the alpha channel begins with one of these marks.
STEALTH_MARKS = {b"stealth_pnginfo": False, b"stealth_pngcomp": True}
"""Mark → whether the text after it is compressed by gzip."""
MAX_STEALTH_BYTES = 1 << 20
"""Largest unpacked size of hidden text, in bytes: a small picture may hide a decompression bomb."""
_COMFYUI_TAGS = {"workflow": Base.Make, "prompt": Base.Model}


class FieldGroup(NamedTuple):
    """The text fields of one location in a file, by key."""

    location: str
    fields: dict[str, str]


def read_field_groups(image: Image.Image) -> tuple[list[FieldGroup], list[str]]:
    """Read the text fields of an opened picture by location, and list what could not be read.

    Locations are PNG's text chunks, the comment of a GIF or JPEG, EXIF's user comment, ComfyUI's
    two EXIF fields and the lowest bits of the alpha channel. XMP, C2PA manifests and Photoshop
    resources are listed as not interpreted. Never raises.
    """
    groups: list[FieldGroup] = []
    unread: list[str] = []
    for location, reader in (
        ("PNG text", _read_png_text),
        ("comment", _read_comment),
        ("EXIF's user comment", _read_exif_comment),
        ("EXIF", _read_comfyui_exif),
        ("the alpha channel", _read_stealth_text),
    ):
        try:
            fields = reader(image)
        except Exception as error:  # an error in one location must not stop the others
            unread.append(f"{location}: {describe_error(error)}")
            continue
        if fields:
            groups.append(FieldGroup(location, fields))
    return groups, unread + list(_list_unread_blocks(image))


def _read_png_text(image: Image.Image) -> dict[str, str]:
    fields = getattr(image, "text", {}) if image.format == "PNG" else {}
    # EXIF and XMP as some tools write them into a PNG; both are read elsewhere.
    skipped_keys = ("Raw profile type exif", "XML:com.adobe.xmp")
    return {str(key): str(value) for key, value in fields.items() if key not in skipped_keys}


def _read_comment(image: Image.Image) -> dict[str, str]:
    # In a PNG, `comment` is one of the text chunks, which _read_png_text reads.
    comment = b"" if image.format == "PNG" else image.info.get("comment", b"")
    text = comment.decode(errors="replace") if isinstance(comment, bytes) else str(comment)
    return {"parameters": text} if text.strip("\0 ") else {}


def _read_exif_comment(image: Image.Image) -> dict[str, str]:
    comment = read_user_comment(image)
    return {"parameters": comment} if comment else {}


def _read_comfyui_exif(image: Image.Image) -> dict[str, str]:
    """Read ComfyUI's WebP: EXIF's camera make and model hold ``workflow:…`` and ``prompt:…``."""
    exif, fields = image.getexif(), {}
    for key, tag in _COMFYUI_TAGS.items():
        value = exif.get(tag)
        if isinstance(value, str) and value.startswith(f"{key}:"):
            fields[key] = value.removeprefix(f"{key}:").rstrip("\0")
    return fields


def _read_stealth_text(image: Image.Image) -> dict[str, str]:
    """Read text in alpha's lowest bits, column by column: mark, 32 bits of length, text."""
    if image.mode != "RGBA":
        return {}
    # Mark and length take 19 bytes, so these columns suffice: [height, columns]
    start = 19 * 8
    first_columns = image.crop((0, 0, min(image.width, -(-start // image.height)), image.height))
    header = np.packbits(_extract_lowest_bits(first_columns)[:start]).tobytes()
    mark = header[:15]
    if mark not in STEALTH_MARKS or len(header) < 19:
        return {}
    length = int.from_bytes(header[15:19], "big")
    bits = _extract_lowest_bits(image)[start : start + length]
    if len(bits) < length:
        raise ValueError(f"{mark.decode()} announces {length:,} bits, there are {len(bits):,}")
    body = np.packbits(bits).tobytes()
    if STEALTH_MARKS[mark]:
        unpack = zlib.decompressobj(wbits=31)
        body = unpack.decompress(body, MAX_STEALTH_BYTES)
        if unpack.unconsumed_tail:
            raise ValueError(f"{mark.decode()} unpacks to more than {MAX_STEALTH_BYTES:,} bytes")
    text = body.decode()
    # NovelAI hides its fields as JSON, other tools the text of their `parameters` field.
    try:
        fields = json.loads(text)
    except json.JSONDecodeError:
        return {"parameters": text}
    if not isinstance(fields, dict) or "sampler" in fields or "base_model" in fields:
        return {"parameters": text}  # Fooocus's settings are JSON themselves
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()}


def _extract_lowest_bits(image: Image.Image) -> np.ndarray:
    return (np.asarray(image.getchannel("A")) & 1).T.reshape(-1)


def _list_unread_blocks(image: Image.Image) -> Iterator[str]:
    """List the metadata blocks that exist but are not interpreted."""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if xmp:
        yield f"XMP: {len(xmp):,} bytes, not interpreted"
    resources = image.info.get("photoshop")
    if resources:
        yield f"Photoshop's resources, IPTC among them: {len(resources)}, not interpreted"
    segments = [data for name, data in getattr(image, "applist", ()) if name == "APP11"]
    chunks = [chunk[1] for chunk in getattr(image, "private_chunks", ()) if chunk[0] == b"caBX"]
    if segments or chunks:
        size = sum(map(len, segments + chunks))
        yield f"C2PA manifest (JUMBF): {size:,} bytes, neither interpreted nor verified"
