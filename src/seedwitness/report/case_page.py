"""The cover sheet as rows of a page: every field, filled in or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from seedwitness.records.case_sheet import CaseSheet, Item
from seedwitness.report.formatting import make_visible


@dataclass(frozen=True)
class Row:
    """A field and what was filled in; empty if nothing was."""

    label: str
    value: str


@dataclass(frozen=True)
class Group:
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]


def list_groups(sheet: CaseSheet) -> list[Group]:
    """The whole sheet, in the order in which it is printed."""
    laboratory, examiner, second = sheet.laboratory, sheet.examiner, sheet.second_examiner
    items = {"target": sheet.target, **sheet.checkpoints} if sheet.checkpoints else {}
    return [
        _make_group(
            "Case",
            ("Case number", sheet.case_number),
            ("Laboratory", laboratory.name),
            ("Address", laboratory.address),
            ("Place of work", laboratory.place_of_work),
            ("Accreditation", laboratory.accreditation),
            ("Examiner", examiner.name),
            ("Qualifications", examiner.qualifications),
            ("Contact", examiner.contact),
            ("Client", sheet.client.name),
            ("Client’s contact", sheet.client.contact),
            ("Instructions received", sheet.instructions),
            ("Background", sheet.background),
            ("Deviations from the method", sheet.deviations),
            ("Results of others", sheet.external_results),
            ("Authorised by", sheet.authorised_by),
            ("Declaration", sheet.declaration),
        ),
        _make_group(
            "Dates",
            ("Receipt", sheet.dates.received),
            ("Begin of work", sheet.dates.begun),
            ("End of work", sheet.dates.finished),
            ("Issue of this report", sheet.dates.issued),
        ),
        *(
            _make_item_group(f"Item received: {make_visible(name)}", item)
            for name, item in (items or {"target": sheet.target, "checkpoint": Item()}).items()
        ),
        _make_group(
            "Second examiner",
            ("Name", second.name),
            ("Checked on", second.checked_on),
            ("Command", second.command),
            ("Result", second.result),
        ),
    ]


def _make_item_group(title: str, item: Item) -> Group:
    return _make_group(
        title,
        ("Description", item.description),
        ("Condition", item.condition),
        ("Source", item.source),
        ("Received from", item.received_from),
        ("Received on", item.received),
        ("Custody", "\n".join(item.custody)),
    )


def _make_group(title: str, *rows: tuple[str, str | date | None]) -> Group:
    return Group(
        title, tuple(Row(label, "" if value is None else str(value)) for label, value in rows)
    )
