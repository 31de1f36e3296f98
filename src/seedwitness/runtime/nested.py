"""Nested mappings as pairs of dotted names and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def list_entries(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every entry of nested mappings with its dotted name; a list, or {}, is one entry."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from list_entries(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
