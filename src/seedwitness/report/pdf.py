"""``report.pdf``: the body of a report for paper, by typst, as PDF/A-2a and PDF/UA-1.

It is made from the files of the report's folder alone. The same files give the same bytes.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from PIL import Image

from seedwitness.errors import RecordError
from seedwitness.imaging.decoding import decode_image
from seedwitness.records.case_sheet import SignedSheet
from seedwitness.report.evidence_file import NAME, read_evidence
from seedwitness.report.pdf_content import make_content
from seedwitness.report.report_id import make_report_id
from seedwitness.runtime.hashes import sha256_file

STANDARDS: list[Literal["a-2a", "ua-1"]] = ["a-2a", "ua-1"]
MAX_SIDE = 900
EXACT_SIDE = 256
"""Pictures up to this side are shown pixel by pixel."""


def render_pdf(folder: Path, title: str, sheet: SignedSheet | None = None) -> bytes:
    """The PDF of the report in ``folder``, which holds evidence, tables and images.

    Raises RecordError if the evidence is not valid, or typst refuses the document.
    """
    import typst

    evidence_sha256 = sha256_file(folder / NAME)
    evidence = read_evidence(folder / NAME)
    report_id = make_report_id(evidence, evidence_sha256)
    content = make_content(evidence, evidence_sha256, report_id, title, folder, sheet)
    with TemporaryDirectory(prefix="seedwitness-pdf-") as name:
        root = Path(name)
        template = files("seedwitness.report").joinpath("templates", "report.typ")
        (root / "report.typ").write_bytes(template.read_bytes())
        _place_pictures(content, folder, root, {})
        (root / "content.json").write_text(json.dumps(content), "utf-8")
        try:
            return typst.compile(
                root / "report.typ",
                root=root,
                pdf_standards=[*STANDARDS],
                ignore_system_fonts=True,
            )
        except typst.TypstError as error:
            raise RecordError(
                f"The PDF of {folder} could not be made: {error}. The page report.html is complete "
                "without it; please report this with the target's evidence.json."
            ) from error


def _place_pictures(value: Any, folder: Path, root: Path, placed: dict[str, str]) -> None:
    """Copy every picture into ``root`` under a plain name, at most ``MAX_SIDE`` on a side."""
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str):
            if path not in placed:
                image = decode_image(folder / path)
                image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
                exact = max(image.size) <= EXACT_SIDE
                placed[path] = f"{'exact' if exact else 'picture'}-{len(placed) + 1}.png"
                image.save(root / placed[path])
            value["path"] = placed[path]
            value["exact"] = placed[path].startswith("exact")
        for each in value.values():
            _place_pictures(each, folder, root, placed)
    elif isinstance(value, list):
        for each in value:
            _place_pictures(each, folder, root, placed)
