"""Read text hidden in the lowest bits of a picture, as NovelAI and "stealth pnginfo" write it."""

from __future__ import annotations

import json
import zlib

import numpy as np
from PIL import Image

from seedwitness.targets.containers.fields import parse_json

MARKS = {
    b"stealth_pnginfo": ("A", False),
    b"stealth_pngcomp": ("A", True),
    b"stealth_rgbinfo": ("RGB", False),
    b"stealth_rgbcomp": ("RGB", True),
}
"""Mark → the channels that hold the bits, and whether the text is compressed by gzip."""
MAX_HIDDEN_BYTES = 1 << 20
"""Largest unpacked size of hidden text, in bytes: a small picture may hide a decompression bomb."""
_HEAD_BYTES = 19
"""Fifteen bytes of the mark and four of the text's length in bits."""
LOCATIONS = {"A": "the alpha channel", "RGB": "the lowest bits of the colours"}


def read_hidden_text(image: Image.Image, channels: str) -> dict[str, str]:
    """Read the text in the lowest bits of ``channels`` (A or RGB), column by column.

    The fields of a text that is a JSON object of fields, as NovelAI hides them, or else the text as
    the field ``parameters``; empty without a mark. Raises ValueError if the mark is there and the
    text is not whole, no text, or too large.
    """
    if channels == "A" and "A" not in image.getbands():
        return {}
    if image.mode not in ("RGBA", "RGB", "LA"):
        return {}
    if channels == "RGB" and image.mode == "LA":
        return {}
    # Mark and length take 19 bytes, so these columns suffice: [height, columns]
    head_columns = min(image.width, -(-8 * _HEAD_BYTES // image.height))
    head_bits = _extract_bits(image.crop((0, 0, head_columns, image.height)), channels)
    head = np.packbits(head_bits[: 8 * _HEAD_BYTES]).tobytes()
    mark = head[:15]
    if len(head) < _HEAD_BYTES or mark not in MARKS or MARKS[mark][0] != channels:
        return {}
    length = int.from_bytes(head[15:], "big")
    bits = _extract_bits(image, channels)[8 * _HEAD_BYTES :][:length]
    if len(bits) < length:
        raise ValueError(f"{mark.decode()} announces {length:,} bits, there are {len(bits):,}")
    return _split_fields(_unpack(np.packbits(bits).tobytes(), mark).decode())


def _unpack(body: bytes, mark: bytes) -> bytes:
    if MARKS[mark][1]:
        decompressor = zlib.decompressobj(wbits=31)
        try:
            body = decompressor.decompress(body, MAX_HIDDEN_BYTES)
        except zlib.error as error:
            raise ValueError(f"{mark.decode()} cannot be unpacked: {error}") from error
        if decompressor.unconsumed_tail:
            raise ValueError(f"{mark.decode()} unpacks to more than {MAX_HIDDEN_BYTES:,} bytes")
        if not decompressor.eof:
            raise ValueError(f"{mark.decode()} is cut off")
    if len(body) > MAX_HIDDEN_BYTES:
        raise ValueError(f"{mark.decode()} holds more than {MAX_HIDDEN_BYTES:,} bytes")
    return body


def _split_fields(text: str) -> dict[str, str]:
    """NovelAI hides the same fields as in its text chunks; others hide the settings themselves."""
    fields, _ = parse_json(text)
    if isinstance(fields, dict) and fields.keys() & {"Comment", "Description", "Source"}:
        return {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in fields.items()
        }
    if isinstance(fields, dict) and fields.keys() & {"prompt", "workflow"}:
        graphs = {key: fields[key] for key in ("prompt", "workflow") if key in fields}
        if isinstance(graphs.get("prompt", {}), dict):  # ComfyUI's graphs
            return {key: json.dumps(value) for key, value in graphs.items()}
    return {"parameters": text}


def _extract_bits(image: Image.Image, channels: str) -> np.ndarray:
    """The lowest bits column by column, of each pixel in the order of the channels."""
    if channels == "A":
        return (np.asarray(image.getchannel("A")) & 1).T.reshape(-1)
    return (np.asarray(image)[..., :3] & 1).transpose(1, 0, 2).reshape(-1)
