"""``index.html``: all cases of a project at a glance, with thumbnails and a CSV beside it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from seedwitness.imaging.decoding import decode_image
from seedwitness.records.attempts import LogCounts
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.report_page import list_images, make_jinja_environment, render_template
from seedwitness.report.sources import TargetSource
from seedwitness.report.wording.numbers import format_p
from seedwitness.report.wording.short_reasons import shorten_reason
from seedwitness.runtime.files import replace_whole, write_whole

THUMBNAIL, QUALITY = 128, 80
FILES = "index_files"
"""The folder of the thumbnails; no target can have this name."""

SCRIPT = "overview.js"


@dataclass(frozen=True)
class OverviewRow:
    """One case, as the page and the CSV list it."""

    target: str
    checkpoint: str
    is_reference: bool
    memorised: str
    memorised_reason: str
    copies: int
    trials: int
    p: float
    generated: str
    generated_reason: str
    seed: int | None
    in_corpus: bool
    picture: bool
    """Whether a picture of a trial was kept."""


def write_overview(
    path: Path,
    documents: Mapping[str, Evidence],
    sources: Mapping[str, TargetSource],
    title: str,
    counts: LogCounts,
) -> None:
    """Write the page, ``index.csv`` and ``index_files/`` from the evidence of each target.

    ``counts`` are those of the whole log of attempts.
    """
    rows = [row for document in documents.values() for row in list_rows(document)]
    with replace_whole(path.parent / FILES) as part:
        part.mkdir()
        for name, document in documents.items():
            write_thumbnails(part / name, document, sources[name])
    write_whole(path.with_suffix(".csv"), format_csv(rows))
    write_whole(path, render_overview(rows, title, counts))


def list_rows(document: Evidence) -> list[OverviewRow]:
    """One row a case, the reference last."""
    in_corpus = any(match.is_target for match in document.matches)
    return [_make_row(case, document, in_corpus) for case in document.cases]


def render_overview(rows: Sequence[OverviewRow], title: str, counts: LogCounts) -> str:
    """The page."""
    return render_template(
        make_jinja_environment(),
        "overview.html",
        SCRIPT,
        images="'self' file: data:",
        title=title,
        counts=counts,
        rows=rows,
        files=FILES,
        format_p=format_p,
        targets=len({row.target for row in rows}),
        checkpoints=sorted({row.checkpoint for row in rows}),
        memorised=Counter(row.memorised for row in rows if not row.is_reference),
        generated=Counter(row.generated for row in rows),
    )


def format_csv(rows: Sequence[OverviewRow]) -> str:
    """The rows as CSV, with all digits of p. Names hold no character that a program may run."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(OverviewRow.__annotations__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def write_thumbnails(folder: Path, document: Evidence, source: TargetSource) -> None:
    """Write ``_target.webp`` and ``CHECKPOINT.webp`` of each case with a picture."""
    folder.mkdir()
    origins = list_images(document, source)
    pictures = {"_target": document.image}
    pictures |= {case.checkpoint: image for case in document.cases if (image := find_best(case))}
    for name, place in pictures.items():
        small = decode_image(origins[place])
        small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        small.save(folder / f"{name}.webp", "WEBP", quality=QUALITY, method=4)


def find_best(case: CaseEvidence) -> str | None:
    """The image of the closest cited trial that has one."""
    return next((cited.image for cited in case.cited if cited.image), None)


def _make_row(case: CaseEvidence, document: Evidence, in_corpus: bool) -> OverviewRow:
    memorised, generated = case.memorised, case.generated
    made = generated.scan.regenerated
    return OverviewRow(
        target=document.target.name,
        checkpoint=case.checkpoint,
        is_reference=case.checkpoint == document.plan.judge.reference,
        memorised=memorised.finding,
        memorised_reason=shorten_reason(memorised.reasons[0].code),
        copies=memorised.copies.rate.hits,
        trials=memorised.copies.rate.n,
        p=memorised.rank.p_family,
        generated=generated.finding,
        generated_reason=shorten_reason(generated.reasons[0].code),
        seed=made.recipe.seed if made else None,
        in_corpus=in_corpus,
        picture=find_best(case) is not None,
    )
