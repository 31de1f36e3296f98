"""The cover sheet of a report, ``case.yaml``: what an examiner states about a case.

Its fields are those that ISO/IEC 17025:2017 (7.8.2.1), ISO 21043-5 and ENFSI's guideline for
evaluative reporting ask a report to name, and that no program can know. All are optional. No figure
is computed from it, and it is no part of ``evidence.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seedwitness.errors import RecordError

NAME = "case.yaml"
MAX_BYTES = 1_000_000

Text = Annotated[str, Field(max_length=20_000)]


class _Part(BaseModel):
    """A part of the sheet; an unknown key is an error, so that a misspelt one is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        """Leave out the known keys that have no value, which YAML reads as an empty text."""
        if values == "":
            return {}
        if not isinstance(values, dict):
            return values
        return {
            key: value
            for key, value in values.items()
            if value != "" or key not in cls.model_fields
        }


class Person(_Part):
    """Somebody who signs or is responsible."""

    name: Text | None = None
    qualifications: Text | None = None
    contact: Text | None = None


class Laboratory(_Part):
    """Who carries out the examination, and where."""

    name: Text | None = None
    address: Text | None = None
    place_of_work: Text | None = None
    accreditation: Text | None = None


class Client(_Part):
    """Who ordered the examination."""

    name: Text | None = None
    contact: Text | None = None


class Dates(_Part):
    """Days, as YYYY-MM-DD."""

    received: date | None = None
    begun: date | None = None
    finished: date | None = None
    issued: date | None = None


class Item(_Part):
    """An item that was received: the file of the target, or a checkpoint."""

    description: Text | None = None
    condition: Text | None = None
    source: Text | None = None
    received_from: Text | None = None
    received: date | None = None
    custody: Annotated[list[Text], Field(max_length=200)] = Field(default_factory=list)
    """Who had it, from when to when: one line a holder."""


class SecondExaminer(_Part):
    """Who repeated the check, with which result."""

    name: Text | None = None
    checked_on: date | None = None
    command: Text | None = None
    result: Text | None = None


class CaseSheet(_Part):
    """``case.yaml``. A field that is None is printed as “not filled in”."""

    case_number: Annotated[str, Field(max_length=100)] | None = None
    laboratory: Laboratory = Laboratory()
    examiner: Person = Person()
    client: Client = Client()
    dates: Dates = Dates()
    instructions: Text | None = None
    """The instructions received: what was asked."""
    background: Text | None = None
    """What the examiner was told about the case."""
    target: Item = Item()
    checkpoints: dict[str, Item] = Field(default_factory=dict)
    deviations: Text | None = None
    """Deviations from the method, additions and exclusions."""
    external_results: Text | None = None
    """Results that others provided."""
    authorised_by: Text | None = None
    declaration: Text | None = None
    """The expert's declaration that the court or the procedure asks for."""
    second_examiner: SecondExaminer = SecondExaminer()


@dataclass(frozen=True)
class SignedSheet:
    """A cover sheet and the hash of its file, which a signature is made of."""

    sheet: CaseSheet
    sha256: str


def read_case_sheet(path: Path) -> SignedSheet | None:
    """Read ``case.yaml``; None if there is none. Raises RecordError if it is not valid."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    if len(content) > MAX_BYTES:
        raise RecordError(
            f"{path} has {len(content):,} bytes, and a cover sheet has at most {MAX_BYTES:,}. "
            "Put long documents beside the report and name them in the sheet."
        )
    try:
        values = yaml.load(content, _PlainLoader)
    except yaml.YAMLError as error:
        message = " ".join(str(error).split())
        raise RecordError(f"{path} is no valid YAML: {message}. Correct that line.") from error
    try:
        sheet = CaseSheet.model_validate(values or "")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        known = ", ".join(CaseSheet.model_fields)
        raise RecordError(
            f"{path}: `{where}`: {first['msg']}. The fields of a cover sheet are {known}; "
            "docs/how-to/case-file.md describes each."
        ) from error
    return SignedSheet(sheet, sha256(content).hexdigest())


class _PlainLoader(yaml.BaseLoader):
    """YAML whose scalars are all text, as they are written.

    It has no aliases, which could grow a small file to gigabytes, and no duplicate keys.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "a cover sheet has no aliases", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = [key for key in keys if keys.count(key) > 1]
        if repeated:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {repeated[0]!r} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep)
