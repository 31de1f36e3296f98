"""The PDF: archival and accessible, from the folder alone, the same bytes for the same files."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from invented import HOSTILE
from reading import TARGETS

from seedwitness.records.case_sheet import CaseSheet, SignedSheet
from seedwitness.report.pdf import render_pdf
from seedwitness.report.pdf_text import PRINTABLE, make_printable
from seedwitness.runtime.hashes import sha256_file

TITLE = "Evidence report <case 12>"

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None,
    reason="pdftotext was not found, so no text of a PDF was read: install poppler (Debian: apt "
    "install poppler-utils) to run these",
)


def read_pages(path: Path) -> list[str]:
    done = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
    )
    return done.stdout.split("\f")[:-1]


@pytest.mark.parametrize("target", TARGETS)
def test_it_claims_both_standards_and_is_made_from_the_folder_alone(
    project: Path, tmp_path: Path, target: str
) -> None:
    content = (project / "reports" / target / "report.pdf").read_bytes()
    for mark in (b"<pdfaid:part>2<", b"<pdfaid:conformance>A<", b"<pdfuaid:part>1<"):
        assert mark in content
    assert str(project).encode() not in content
    shutil.copytree(project / "reports" / target, tmp_path / "elsewhere")
    assert render_pdf(tmp_path / "elsewhere", TITLE) == content


@needs_poppler
def test_every_page_has_its_number_and_the_hash_of_the_evidence(project: Path) -> None:
    folder = project / "reports" / "owl"
    digest = sha256_file(folder / "evidence.json")
    pages = read_pages(folder / "report.pdf")
    assert 6 <= len(pages) <= 8
    for number, page in enumerate(pages, start=1):
        assert f"Report owl-{digest[:12]}" in page
        assert f"Page {number} of {len(pages)}" in page
        assert digest in page
    text = " ".join(" ".join(pages).split())
    for part in (
        "Do words alone make the checkpoint “memorised” bring this picture back?",
        "With the caption stored with this very picture: 8 copies in 8 tries.",
        "What this report does not show",
        "Second examiner: name",
        "tables/memorised/controls.csv",
    ):
        assert part in text


@needs_poppler
def test_a_refused_report_is_short(project: Path) -> None:
    pages = read_pages(project / "reports" / "flat" / "report.pdf")
    text = " ".join(" ".join(pages).split())
    assert len(pages) <= 5
    assert "The report ends here." in text
    assert "Other explanations" not in text


@needs_poppler
def test_foreign_text_stays_text(project: Path) -> None:
    text = " ".join(" ".join(read_pages(project / "reports" / "owl" / "report.pdf")).split())
    assert "an owl <script>alert('x')</script> \"quoted\" & <img src=x" in text
    assert "{{ 7 * 7 }} {% raw %}" in text
    assert "⟨U+202E⟩turned⟨U+202C⟩" in text
    assert "owl <b>été</b>.png" in text


PAYLOADS = (
    HOSTILE,
    '#eval("1 + 1") #read("/etc/passwd") #include "content.json"',
    "$x^2$ *bold* _it_ = heading \\ // comment /* */ @label <label> `raw` ~ -- ---",
    "漢字 \U0001f600 \u0301 \ud7ff \u200f\u202e\u2066 \x00\x07\x1b \ufeff",
    "a" * 5000,
    "=cmd|' /C calc'!A0",
    "\\u{202e} ]]]]] [[[[ #]#[ #{ } #; \n\n= x",
)


@needs_poppler
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_hostile_cover_sheet_is_printed_as_it_is(
    project: Path, tmp_path: Path, payload: str
) -> None:
    sheet = CaseSheet(case_number="12 #x", instructions=payload, background=payload)
    content = render_pdf(project / "reports" / "heron", TITLE, SignedSheet(sheet, "ab" * 32))
    (tmp_path / "report.pdf").write_bytes(content)
    pages = read_pages(tmp_path / "report.pdf")
    assert "Case 12 #x" in pages[0]
    shown = re.sub(r"[\s\u200b]", "", "".join(pages))
    expected = re.sub(r"\s", "", make_printable(payload).replace("\u200b", ""))
    assert expected[:60] in shown


def test_every_character_that_is_printed_has_a_glyph(project: Path) -> None:
    """typst refuses a PDF/A with a character that no font has, so making it is the test."""
    everything = "".join(chr(code) for low, high in PRINTABLE for code in range(low, high + 1))
    everything = unicodedata.normalize("NFC", everything)
    parts = [everything[place : place + 300] for place in range(0, len(everything), 300)]
    assert all(make_printable(part).replace("\u200b", "") == part for part in parts)
    for number in range(0, len(parts), 6):
        sheet = CaseSheet.model_validate(
            {"target": {"custody": ["x"]}, "checkpoints": {}, "background": "x"}
        )
        texts = parts[number : number + 6]
        names = ("instructions", "background", "deviations", "external_results")
        names += ("authorised_by", "declaration")
        filled = sheet.model_copy(update=dict(zip(names, texts, strict=False)))
        assert render_pdf(project / "reports" / "flat", TITLE, SignedSheet(filled, "ab" * 32))
