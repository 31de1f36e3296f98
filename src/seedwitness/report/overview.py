"""``index.html``: targets × checkpoints at a glance, from the evidence of every target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seedwitness.report.embedding import embed
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.html import images, page
from seedwitness.report.sources import TargetSource
from seedwitness.runtime.files import write_whole

THUMBNAIL = 256


def write(
    path: Path,
    documents: Mapping[str, Evidence],
    sources: Mapping[str, TargetSource],
    title: str,
) -> None:
    """Write the page from the evidence of each target and from what that was made of."""
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
        pictures={
            place: embed(origin, THUMBNAIL)
            for name, document in documents.items()
            for place, origin in _shown(name, document, sources[name])
        },
        best=best,
    )
    write_whole(path, rendered)


def best(case: CaseEvidence) -> str | None:
    """The picture of the closest cited trial that has one."""
    return next((cited.image for cited in case.cited if cited.image), None)


def _shown(
    name: str, document: Evidence, source: TargetSource
) -> list[tuple[tuple[str, str], Path]]:
    """The target and the best of each case, by target and place, with the files they come from."""
    origins = images(document, source)
    wanted = {document.image, *(best(case) for case in document.cases)}
    return [((name, place), origin) for place, origin in origins.items() if place in wanted]
