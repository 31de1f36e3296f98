"""``docs/evidence-schema.md`` and the model say the same: every field, and where it may be null."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from seedwitness.report.evidence import SCHEMA_VERSION, Evidence

PAGE = (Path(__file__).parents[2] / "docs" / "evidence-schema.md").read_text(encoding="utf-8")


def fields(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return get_type_hints(kind) if is_dataclass(kind) else {}


def models(kind: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every object in the document by its path."""
    if get_origin(kind) is Annotated:
        yield from models(get_args(kind)[0], path)
    elif fields(kind):
        yield path, kind
        for name, inner in fields(kind).items():
            yield from models(inner, f"{path}.{name}" if path else name)
    else:
        many = "[]" if get_origin(kind) is list else ""
        for inner in get_args(kind):
            yield from models(inner, path + many)


MODELS = dict(models(Evidence, ""))


def documented() -> dict[str, dict[str, bool]]:
    """Of every path the fields that the page names, and whether it says of each "never" null."""
    found: dict[str, dict[str, bool]] = {}
    for section in PAGE.split("\n## ")[1:]:
        head, _, body = section.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \|(.+)\|([^|]+)\|$", body, re.MULTILINE)
        for path in re.findall(r"`([^`]+)`", head) or [""]:
            assert path not in found
            found[path] = {name: null.strip() == "never" for name, _, null in rows}
    return found


def test_the_page_names_every_object_and_no_other() -> None:
    assert set(documented()) == set(MODELS)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path or "document")
def test_the_page_names_every_field_in_order_and_says_where_it_is_null(path: str) -> None:
    hints = fields(MODELS[path])
    expected = {name: NoneType not in get_args(kind) for name, kind in hints.items()}
    assert list(documented()[path].items()) == list(expected.items())


def test_the_page_is_of_this_version() -> None:
    assert PAGE.startswith(f"# `evidence.json`, schema {SCHEMA_VERSION}\n")
