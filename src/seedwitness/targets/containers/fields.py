"""Text fields of one location in a file, and all that was read of a file's metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from seedwitness.targets.text_cleaning import describe_error

MAX_TEXT_LENGTH = 8 << 20
"""Longest text that is parsed, in characters; a longer one is named as unread."""


@dataclass
class FieldGroup:
    """The text fields of one location in a file, by key."""

    location: str
    fields: dict[str, str]
    encodings: dict[str, str] = field(default_factory=dict)
    """Key → how its text is encoded, where that is not what the file declares."""
    is_settings: bool = True
    """Whether all text here is expected to be settings; otherwise text of no tool is not unread."""

    def without(self, keys: set[str]) -> FieldGroup:
        """The group without some keys."""
        kept = {key: text for key, text in self.fields.items() if key not in keys}
        return FieldGroup(self.location, kept, self.encodings, self.is_settings)

    @cached_property
    def objects(self) -> dict[str, Any]:
        """The fields that hold a JSON object or list, parsed, by key."""
        return {key: value for key, (value, _) in self._parsed.items() if value is not None}

    @cached_property
    def json_faults(self) -> dict[str, str]:
        """Key → why a text that begins like JSON is none, or which of its names stand twice."""
        return {key: fault for key, (_, fault) in self._parsed.items() if fault}

    @cached_property
    def _parsed(self) -> dict[str, tuple[Any, str]]:
        return {
            key: parse_json(text)
            for key, text in self.fields.items()
            if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
        }


@dataclass
class MetadataReading:
    """What was read of a file's metadata, whatever its container."""

    groups: list[FieldGroup] = field(default_factory=list)
    exif: dict[str, str] = field(default_factory=dict)
    xmp: dict[str, str] = field(default_factory=dict)
    iptc: dict[str, str] = field(default_factory=dict)
    colours: list[str] = field(default_factory=list)
    """Statements on colours that were not followed, in words."""
    c2pa_bytes: int = 0
    unread: list[str] = field(default_factory=list)


def parse_json(text: str) -> tuple[Any, str]:
    """Parse JSON as tools write it, and describe what is wrong with it; None if it is no JSON.

    NaN and Infinity are read as floats. Of a name that stands twice the last value counts, as in
    Python, and the fault says so. Integers of more than 40 digits stay text.
    """
    doubled: dict[str, None] = {}

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            doubled.update((name, None) for name in values if names.count(name) > 1)
        return values

    def parse_integer(digits: str) -> int | str:
        return int(digits) if len(digits) <= 40 else digits

    try:
        value = json.loads(
            text.strip("\ufeff \t\r\n\0"),
            object_pairs_hook=collect,
            parse_int=parse_integer,
            strict=False,
        )
    except (ValueError, RecursionError) as error:
        return None, f"no valid JSON: {describe_error(error)}"
    names = ", ".join(f"`{name[:40]}`" for name in list(doubled)[:5])
    return value, f"{names} given more than once; the last counts" if doubled else ""
