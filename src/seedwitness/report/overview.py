"""``index.html``: targets × checkpoints at a glance, from the evidence of every report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seedwitness.files import write_whole
from seedwitness.records import read
from seedwitness.report.embedding import Embedded, embed
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.html import page

THUMBNAIL = 256


def write(reports: Path, targets: Sequence[str], title: str) -> None:
    """Write ``reports/index.html``. Raises RecordError where a target has no evidence yet."""
    documents = {name: read(Evidence, reports / name / "evidence.json") for name in targets}
    checkpoints = dict.fromkeys(
        case.checkpoint for document in documents.values() for case in document.cases
    )
    rendered = page(
        "overview.html",
        title=title,
        documents=documents,
        checkpoints=list(checkpoints),
        cases={
            (name, case.checkpoint): case
            for name, document in documents.items()
            for case in document.cases
        },
        pictures=_pictures(reports, documents),
        best=best,
    )
    write_whole(reports / "index.html", rendered)


def best(case: CaseEvidence) -> str | None:
    """The picture of the closest cited trial that has one."""
    return next((cited.image for cited in case.cited if cited.image), None)


def _pictures(reports: Path, documents: dict[str, Evidence]) -> dict[tuple[str, str], Embedded]:
    names = {
        (name, image)
        for name, document in documents.items()
        for image in (document.image, *(best(case) for case in document.cases))
        if image is not None
    }
    return {
        (name, image): embed(reports / name / image, THUMBNAIL) for name, image in sorted(names)
    }
