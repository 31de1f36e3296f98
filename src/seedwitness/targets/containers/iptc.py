"""Read IPTC-IIM records (IIM 4.2) from Photoshop's image resources."""

from __future__ import annotations

from collections.abc import Iterator

from seedwitness.targets.containers.charsets import decode_latin1
from seedwitness.targets.text_cleaning import shorten_text

IPTC_RESOURCE = 0x0404
DATASETS = {
    5: "ObjectName",
    25: "Keywords",
    40: "SpecialInstructions",
    55: "DateCreated",
    60: "TimeCreated",
    65: "OriginatingProgram",
    70: "ProgramVersion",
    80: "By-line",
    105: "Headline",
    110: "Credit",
    115: "Source",
    116: "CopyrightNotice",
    120: "Caption-Abstract",
}
"""The datasets of record 2 that say something of a picture's making."""
MAX_VALUES = 200


def read_iptc(data: bytes) -> tuple[dict[str, str], list[str]]:
    """Read Photoshop's resources, or bare IPTC records: dataset → text, and what is not read.

    Repeated datasets, such as keywords, are joined by "; ".
    """
    values: dict[str, str] = {}
    unread: list[str] = []
    others, count = 0, 0
    blocks = [data] if data[:1] == b"\x1c" else []
    if not blocks:
        for number, content in _iter_resources(data):
            if number == IPTC_RESOURCE:
                blocks.append(content)
            else:
                others += 1
    for block in blocks:
        for record, dataset, content in _iter_datasets(block):
            if record != 2 or dataset == 0:
                continue  # record 1 is the envelope, dataset 0 the version
            count += 1
            if count > MAX_VALUES:
                continue
            name = DATASETS.get(dataset, f"2:{dataset}")
            text = decode_latin1(content).text.strip("\0 ")
            values[name] = f"{values[name]}; {text}" if name in values else text
    if count > MAX_VALUES:
        unread.append(f"IPTC: {count - MAX_VALUES:,} values beyond {MAX_VALUES}")
    if others:
        unread.append(f"Photoshop's resources: {others} beside IPTC, not interpreted")
    if not blocks and not others:
        unread.append(f"Photoshop's resources: {len(data):,} bytes, not readable")
    return {name: shorten_text(text) for name, text in values.items()}, unread


def _iter_resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while data[position : position + 4] == b"8BIM" and position + 12 <= len(data):
        number = int.from_bytes(data[position + 4 : position + 6], "big")
        name_length = data[position + 6] + 1
        start = position + 6 + name_length + name_length % 2
        length = int.from_bytes(data[start : start + 4], "big")
        yield number, data[start + 4 : start + 4 + length]
        position = start + 4 + length + length % 2


def _iter_datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    position = 0
    while data[position : position + 1] == b"\x1c" and position + 5 <= len(data):
        length = int.from_bytes(data[position + 3 : position + 5], "big")
        yield data[position + 1], data[position + 2], data[position + 5 : position + 5 + length]
        position += 5 + length
