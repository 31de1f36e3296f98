"""``index.html``: targets × checkpoints at a glance, from the evidence of every target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seedwitness.records.attempts import LogCounts
from seedwitness.report.embedding import embed_image
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.report_page import list_images, render_page
from seedwitness.report.sources import TargetSource
from seedwitness.runtime.files import write_whole

THUMBNAIL = 256


def write_overview(
    path: Path,
    documents: Mapping[str, Evidence],
    sources: Mapping[str, TargetSource],
    title: str,
    counts: LogCounts,
) -> None:
    """Write the page from the evidence and the sources of each target.

    ``counts`` are those of the whole log of attempts.
    """
    checkpoints = dict.fromkeys(
        case.checkpoint for document in documents.values() for case in document.cases
    )
    rendered = render_page(
        "overview.html",
        title=title,
        counts=counts,
        documents=documents,
        checkpoints=list(checkpoints),
        cases={
            (name, case.checkpoint): case
            for name, document in documents.items()
            for case in document.cases
        },
        pictures={
            place: embed_image(origin, THUMBNAIL)
            for name, document in documents.items()
            for place, origin in _list_shown_images(name, document, sources[name])
        },
        find_best_image=find_best_image,
    )
    write_whole(path, rendered)


def find_best_image(case: CaseEvidence) -> str | None:
    """The image of the closest cited trial that has one."""
    return next((cited.image for cited in case.cited if cited.image), None)


def _list_shown_images(
    name: str, document: Evidence, source: TargetSource
) -> list[tuple[tuple[str, str], Path]]:
    """The target and the best image of each case, by target and path, with the files to embed."""
    origins = list_images(document, source)
    shown = {document.image, *(find_best_image(case) for case in document.cases)}
    return [((name, place), origin) for place, origin in origins.items() if place in shown]
