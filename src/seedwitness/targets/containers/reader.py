"""Read all metadata of a picture file, whatever its container."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from PIL import Image
from PIL.ExifTags import Base

from seedwitness.imaging.file_parts import identify_container, iter_parts
from seedwitness.targets.containers import stealth
from seedwitness.targets.containers.charsets import DecodedText, decode_utf8
from seedwitness.targets.containers.fields import MAX_TEXT_LENGTH, FieldGroup, MetadataReading
from seedwitness.targets.containers.iptc import read_iptc
from seedwitness.targets.containers.png import PngMetadata, read_png
from seedwitness.targets.containers.segments import SegmentMetadata, read_jpeg, read_webp
from seedwitness.targets.containers.xmp import read_xmp
from seedwitness.targets.exif import (
    IPTC_TAG,
    PHOTOSHOP_TAG,
    XMP_TAG,
    ExifReading,
    load_exif,
    read_exif,
)
from seedwitness.targets.text_cleaning import describe_error, replace_surrogates, shorten_text

T = TypeVar("T")
MAX_BLOCKS = 16
"""EXIF, XMP or IPTC blocks of a file that are read; a file has one of each."""
_COMFYUI_TAGS = {"workflow": Base.Make.name, "prompt": Base.Model.name}
USER_COMMENT = Base.UserComment.name


def read_metadata(path: Path, image: Image.Image) -> MetadataReading:
    """Read the metadata of a picture file that ``image`` is opened from. Never raises."""
    found = MetadataReading()
    try:
        _read_containers(found, path, image)
    except Exception as error:  # forged metadata may raise anything; the pixels are intact
        found.unread.append(f"metadata: {describe_error(error)}")
    for channels, location in stealth.LOCATIONS.items():
        try:
            fields = stealth.read_hidden_text(image, channels)
        except Exception as error:
            found.unread.append(f"{location}: {describe_error(error)}")
            continue
        _add_group(found, location, {key: DecodedText(text) for key, text in fields.items()})
    return found


def _read_containers(found: MetadataReading, path: Path, image: Image.Image) -> None:
    data = path.read_bytes()
    container = identify_container(data)
    exif_blobs: list[bytes] = []
    xmp_packets: list[bytes] = []
    iptc_blocks: list[bytes] = []
    if container == "PNG":
        png = read_png(list(iter_parts(data)))
        _add_png_texts(found, png)
        exif_blobs, xmp_packets, iptc_blocks = png.exif, png.xmp, png.iptc
        found.colours += png.colours
        found.c2pa_bytes, found.unread = png.c2pa_bytes, found.unread + png.unread
        if png.time:
            found.exif["PNG time of the last change"] = png.time
    elif container in ("JPEG", "WEBP"):
        segments = (read_jpeg if container == "JPEG" else read_webp)(list(iter_parts(data)))
        _add_comments(found, segments)
        exif_blobs, xmp_packets, iptc_blocks = segments.exif, segments.xmp, segments.iptc
        found.c2pa_bytes, found.unread = segments.c2pa_bytes, found.unread + segments.unread
    else:
        comment = image.info.get("comment", b"")
        text = decode_utf8(comment) if isinstance(comment, bytes) else DecodedText(str(comment))
        _add_group(found, "comment", {"comment": DecodedText(text.text.rstrip("\0"))})
        exif_blobs = _list_bytes(image.info.get("exif"))
        xmp_packets = _list_bytes(image.info.get("xmp"))
    _read_all_exif(found, exif_blobs, image, container)
    if image.format == "TIFF":
        tags = dict(image.getexif())
        xmp_packets += _list_bytes(tags.get(XMP_TAG))
        iptc_blocks += _list_bytes(tags.get(IPTC_TAG)) + _list_bytes(tags.get(PHOTOSHOP_TAG))
    for packet in _bound(found, dict.fromkeys(xmp_packets), "XMP packets"):
        values, unread = read_xmp(packet)
        found.unread += unread
        _add_group(found, "XMP", {k: DecodedText(v) for k, v in values.items()}, is_settings=False)
        found.xmp |= {shorten_text(k): shorten_text(v) for k, v in values.items()}
    for block in _bound(found, iptc_blocks, "IPTC blocks"):
        values, unread = read_iptc(block)
        found.unread += unread
        found.iptc |= values


def _add_png_texts(found: MetadataReading, png: PngMetadata) -> None:
    """One group for each location; a text whose key is taken there gets a further group."""
    groups: list[tuple[str, dict[str, DecodedText]]] = []
    for location, key, text in png.texts:
        free = (fields for place, fields in groups if place == location and key not in fields)
        fields = next(free, None)
        if fields is None:
            fields = {}
            groups.append((location, fields))
            if len(groups) > MAX_BLOCKS:
                break
        fields[key] = text
    if len(groups) > MAX_BLOCKS:
        repeated = len(png.texts) - sum(len(fields) for _, fields in groups[:MAX_BLOCKS])
        found.unread.append(f"PNG text: {repeated:,} texts, because their keys repeat")
    numbers: dict[str, int] = {}
    for location, fields in groups[:MAX_BLOCKS]:
        numbers[location] = numbers.get(location, 0) + 1
        number = f" ({numbers[location]} of this key)" if numbers[location] > 1 else ""
        _add_group(found, f"{location}{number}", fields)


def _add_comments(found: MetadataReading, segments: SegmentMetadata) -> None:
    for number, comment in enumerate(_bound(found, segments.comments, "comments"), start=1):
        _add_group(found, "comment" if number == 1 else f"comment {number}", {"comment": comment})


def _read_all_exif(
    found: MetadataReading, blobs: list[bytes], image: Image.Image, container: str
) -> None:
    readings: list[ExifReading] = []
    for blob in _bound(found, dict.fromkeys(blobs), "EXIF blocks"):
        try:
            readings.append(read_exif(load_exif(blob), image.format))
        except Exception as error:  # Pillow's reader raises whatever a forged offset leads to
            found.unread.append(f"EXIF, {len(blob):,} bytes: {describe_error(error)}")
            continue
        if not readings[-1].values and not readings[-1].unread:
            found.unread.append(f"EXIF, {len(blob):,} bytes: no tag can be read")
    if not blobs and not container:
        try:
            readings.append(read_exif(image.getexif(), image.format))
        except Exception as error:
            found.unread.append(f"EXIF: {describe_error(error)}")
    for number, reading in enumerate(readings, start=1):
        suffix = "" if number == 1 else f" of EXIF block {number}"
        found.unread += reading.unread
        found.exif |= {f"{key}{suffix}": value for key, value in reading.values.items()}
        _add_exif_texts(found, reading, suffix)


def _add_exif_texts(found: MetadataReading, reading: ExifReading, suffix: str) -> None:
    texts = dict(reading.texts)
    graphs = {}
    for key, tag in _COMFYUI_TAGS.items():  # ComfyUI's WebP: camera make and model
        text = texts.get(tag)
        if text is not None and text.text.startswith(f"{key}:"):
            graphs[key] = DecodedText(texts.pop(tag).text.removeprefix(f"{key}:"), text.encoding)
    _add_group(found, f"EXIF{suffix}", graphs)
    for key in sorted(reading.comments & texts.keys(), key=lambda key: key != USER_COMMENT):
        location = "EXIF's user comment" if key == USER_COMMENT else f"EXIF's {key}"
        # Fooocus names the form of its settings in the maker's note; a camera's has no text.
        is_comment = key.endswith(USER_COMMENT)
        _add_group(found, f"{location}{suffix}", {key: texts.pop(key)}, is_settings=is_comment)
    _add_group(found, f"EXIF{suffix}", texts, is_settings=False)


def _add_group(
    found: MetadataReading, location: str, texts: dict[str, DecodedText], is_settings: bool = True
) -> None:
    fields: dict[str, str] = {}
    encodings = {}
    for key, text in texts.items():
        if len(text.text) > MAX_TEXT_LENGTH:
            found.unread.append(
                f"{location} `{shorten_text(key)}`: {len(text.text):,} characters, more than "
                f"{MAX_TEXT_LENGTH:,}"
            )
        elif text.text.strip("\0 \r\n\t"):
            fields[replace_surrogates(key)] = replace_surrogates(text.text)
            if text.encoding:
                encodings[key] = text.encoding
    if fields:
        found.groups.append(FieldGroup(location, fields, encodings, is_settings))


def _list_bytes(value: object) -> list[bytes]:
    if isinstance(value, str):
        return [value.encode("utf-8", "surrogatepass")]
    return [bytes(value)] if isinstance(value, bytes | bytearray) and value else []


def _bound(found: MetadataReading, blocks: Iterable[T], what: str) -> list[T]:
    listed = list(blocks)
    if len(listed) > MAX_BLOCKS:
        found.unread.append(f"{len(listed) - MAX_BLOCKS:,} {what} beyond {MAX_BLOCKS}")
    return listed[:MAX_BLOCKS]
