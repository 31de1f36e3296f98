"""``docs/evidence-schema.md`` and the model say the same: every field, and where it may be null."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from tools import evidence_schema, measured

from seedwitness.errors import RecordError
from seedwitness.report.evidence import SCHEMA_VERSION, Evidence
from seedwitness.report.evidence_file import SCHEMA_NAME, read_evidence, write_evidence

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


def test_the_published_schema_is_that_of_the_model() -> None:
    published = evidence_schema.FOLDER / SCHEMA_NAME
    assert published.read_text("utf-8") == evidence_schema.render()
    Draft202012Validator.check_schema(json.loads(published.read_text("utf-8")))


def test_measured_rates_are_those_of_the_benchmarks() -> None:
    assert measured.OUT.read_text("utf-8") == measured.render()


def test_evidence_is_checked_when_it_is_written_and_read(project: Path, tmp_path: Path) -> None:
    path = project / "reports" / "owl" / "evidence.json"
    evidence = read_evidence(path)
    write_evidence(tmp_path / "again.json", evidence)
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    wrong = evidence.model_copy(update={"image": 7})
    with (
        pytest.warns(UserWarning, match="serialized value"),
        pytest.raises(RecordError, match="`image`: 7 is not of type 'string'"),
    ):
        write_evidence(tmp_path / "wrong.json", wrong)
    assert not (tmp_path / "wrong.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": "6.0"}, "has the schema '6.0', and this version"),
        ({"further": 1}, "`the document`: Additional properties are not allowed"),
        ({"cases": "none"}, "`cases`: 'none' is not of type 'array'"),
    ],
)
def test_other_evidence_is_refused(
    project: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    document = json.loads((project / "reports" / "owl" / "evidence.json").read_text("utf-8"))
    (tmp_path / "evidence.json").write_text(json.dumps(document | change))
    with pytest.raises(RecordError, match=re.escape(message)):
        read_evidence(tmp_path / "evidence.json")


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    for content in ("{", "[" * 100_000, "[]"):
        (tmp_path / "evidence.json").write_text(content)
        with pytest.raises(RecordError, match=r"evidence\.json"):
            read_evidence(tmp_path / "evidence.json")
    with pytest.raises(RecordError, match="There is no"):
        read_evidence(tmp_path / "missing.json")
