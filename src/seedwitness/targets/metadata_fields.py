"""Where generators leave their settings in a picture: text by key, whatever the container."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from seedwitness.targets.exif import user_comment
from seedwitness.targets.text_cleaning import why

# What is hidden in the lowest bits of the alpha channel begins with one of these.
HIDDEN = {b"stealth_pnginfo": False, b"stealth_pngcomp": True}
"""Mark → whether what follows it is compressed by gzip."""
MOST_HIDDEN = 1 << 20
"""Bytes of hidden text that are unpacked at most: a small picture may hide a bomb."""
_COMFY = {"workflow": Base.Make, "prompt": Base.Model}


class Source(NamedTuple):
    """One place of a file, and the text by key that is there."""

    where: str
    fields: dict[str, str]


def sources(image: Image.Image) -> tuple[list[Source], list[str]]:
    """Every place of an opened picture that holds text by key, and what could not be read of it.

    PNG's text chunks, the comment of a GIF or JPEG, EXIF's user comment, ComfyUI's two EXIF fields
    and the alpha channel's lowest bits. XMP, C2PA manifests and Photoshop's resources are named as
    not read. Never raises.
    """
    found: list[Source] = []
    unread: list[str] = []
    for where, reader in (
        ("PNG text", _chunks),
        ("comment", _comment),
        ("EXIF's user comment", _user_comment),
        ("EXIF", _comfy),
        ("the alpha channel", _hidden),
    ):
        try:
            fields = reader(image)
        except Exception as error:  # what a forged file makes of a reader must not stop the rest
            unread.append(f"{where}: {why(error)}")
            continue
        if fields:
            found.append(Source(where, fields))
    return found, unread + list(_others(image))


def _chunks(image: Image.Image) -> dict[str, str]:
    fields = getattr(image, "text", {}) if image.format == "PNG" else {}
    # EXIF and XMP as some write them into a PNG; both are looked at elsewhere.
    apart = ("Raw profile type exif", "XML:com.adobe.xmp")
    return {str(key): str(value) for key, value in fields.items() if key not in apart}


def _comment(image: Image.Image) -> dict[str, str]:
    # Of a PNG this is a text chunk that happens to be called so.
    comment = b"" if image.format == "PNG" else image.info.get("comment", b"")
    text = comment.decode(errors="replace") if isinstance(comment, bytes) else str(comment)
    return {"parameters": text} if text.strip("\0 ") else {}


def _user_comment(image: Image.Image) -> dict[str, str]:
    comment = user_comment(image)
    return {"parameters": comment} if comment else {}


def _comfy(image: Image.Image) -> dict[str, str]:
    """ComfyUI's WebP: EXIF's camera make and model hold ``workflow:…`` and ``prompt:…``."""
    exif, fields = image.getexif(), {}
    for key, tag in _COMFY.items():
        value = exif.get(tag)
        if isinstance(value, str) and value.startswith(f"{key}:"):
            fields[key] = value.removeprefix(f"{key}:").rstrip("\0")
    return fields


def _hidden(image: Image.Image) -> dict[str, str]:
    """Text in the lowest bits of alpha, column by column: a mark, 32 bits of length, the text."""
    if image.mode != "RGBA":
        return {}
    # The mark and the length take 19 bytes, so these columns are enough to know; [height, columns]
    start = 19 * 8
    few = image.crop((0, 0, min(image.width, -(-start // image.height)), image.height))
    head = np.packbits(_lowest_bits(few)[:start]).tobytes()
    mark = head[:15]
    if mark not in HIDDEN or len(head) < 19:
        return {}
    length = int.from_bytes(head[15:19], "big")
    bits = _lowest_bits(image)[start : start + length]
    if len(bits) < length:
        raise ValueError(f"{mark.decode()} announces {length:,} bits, there are {len(bits):,}")
    body = np.packbits(bits).tobytes()
    if HIDDEN[mark]:
        unpack = zlib.decompressobj(wbits=31)
        body = unpack.decompress(body, MOST_HIDDEN)
        if unpack.unconsumed_tail:
            raise ValueError(f"{mark.decode()} unpacks to more than {MOST_HIDDEN:,} bytes")
    text = body.decode()
    # NovelAI hides its fields as JSON, others what they would have written as `parameters`.
    try:
        fields = json.loads(text)
    except json.JSONDecodeError:
        return {"parameters": text}
    if not isinstance(fields, dict) or "sampler" in fields or "base_model" in fields:
        return {"parameters": text}  # Fooocus's settings are JSON themselves
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()}


def _lowest_bits(image: Image.Image) -> np.ndarray:
    return (np.asarray(image.getchannel("A")) & 1).T.reshape(-1)


def _others(image: Image.Image) -> Iterator[str]:
    """What is there and read by nothing here."""
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
