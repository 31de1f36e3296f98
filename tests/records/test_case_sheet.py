"""The cover sheet: optional in every field, strict in its keys, no part of the evidence."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from seedwitness.errors import RecordError
from seedwitness.records.case_sheet import MAX_BYTES, CaseSheet, read_case_sheet
from seedwitness.report.case_page import list_groups

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "case-file.md"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_page_fills_in_every_field(tmp_path: Path) -> None:
    example = PAGE.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    found = read_case_sheet(write(tmp_path, example))
    assert found is not None
    assert found.sha256 == sha256(example.encode()).hexdigest()
    rows = [row for group in list_groups(found.sheet) for row in group.rows]
    empty = [row.label for row in rows if not row.value]
    assert empty == ["Condition", "Received from", "Received on", "Custody"]  # of the checkpoint
    values = [row.value for row in rows]
    for value in leaves(yaml.load(example, yaml.BaseLoader)):
        assert any(str(value) in shown for shown in values), value


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


def test_nothing_needs_to_be_filled_in(tmp_path: Path) -> None:
    assert read_case_sheet(tmp_path / "case.yaml") is None
    for text in ("", "{}", "examiner: {}\n", "case_number:\n", "examiner:\n  name:\n"):
        found = read_case_sheet(write(tmp_path, text))
        assert found is not None
        assert found.sheet == CaseSheet()


def test_a_text_is_kept_as_it_is_written(tmp_path: Path) -> None:
    for text in ("2026-11-02", "012", "1e3", "no", "0x10"):
        found = read_case_sheet(write(tmp_path, f"case_number: {text}\n"))
        assert found is not None
        assert found.sheet.case_number == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("examinor:", "`examinor`: Extra inputs are not permitted"),
        ("examinor: {}", "`examinor`: Extra inputs are not permitted. The fields of a cover sheet"),
        ("dates: {received: 2026-13-40}", "`dates.received`: "),
        ("a: [", "is no valid YAML: "),
        ("case_number: 1\ncase_number: 2", "the key 'case_number' stands twice"),
        ("background: &a x\ninstructions: *a", "a cover sheet has no aliases"),
        (
            "background: !!python/object/apply:os.system [ls]",
            "`background`: Input should be a valid string",
        ),
        ("- 1", "`the file`: "),
        ("background: " + "x" * 20_001, "`background`: String should have at most 20000"),
        ("# " + "x" * MAX_BYTES, "a cover sheet has at most 1,000,000"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecordError, match=re.escape(message)):
        read_case_sheet(write(tmp_path, text))
