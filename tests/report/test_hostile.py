"""Nothing that a stranger wrote becomes markup, or hides, in the page of a report or its PDF."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reading import Page

from seedwitness.report.evidence import Evidence
from seedwitness.report.formatting import HIDDEN, make_visible
from seedwitness.report.pdf import render_pdf
from seedwitness.report.report_page import render_report
from seedwitness.report.sources import TargetSource, read_target_source

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)><svg onload=alert(1)>',
    "</style></title></textarea><script src=//evil.example>",
    "' onmouseover='alert(1)' x='",
    "`code` ` {{ 7 * 7 }} {% include '_page.html' %} ${7*7}",
    "javascript:alert(1) data:text/html,<b>",
    "\u202egnp.elttil\u202c \u2066x\u2069 \u200e\u200f\u061c",
    "a\u200bb\u2060c\ufeffd\u00ade\u2028f\u2029g\U000e0041",
    "\x00\x07\x1b[31m\x7f\x85",
    '#read("/etc/passwd") $x$ *b* \\u{202e} @label <label>',
    "../../../../etc/passwd\\..\\..",
    '=HYPERLINK("http://evil.example")',
    "漢字 \U0001f469\u200d\U0001f4bb e\u0301",
    "x" * 3000,
)
ALPHABET = "<>\"'&`{}%#$*_\\/=\u202e\u202c\u2066\u200b\x00\x1b\n\t ab漢\u0301"


def invent(seed: int) -> str:
    rng = np.random.default_rng(seed)
    return "".join(rng.choice(list(ALPHABET), size=int(rng.integers(5, 200))))


def poison(document: dict[str, Any], text: str) -> dict[str, Any]:
    """The evidence with ``text`` in every field that a stranger can write."""
    target, lookup = document["target"], document["lookup"]
    target |= {"file_name": text, "exif": {text: text}, "unread": [text]}
    for claim in target["claims"]:
        claim |= {"tool": text, "prompt": text, "model": text, "others": {text: text}}
    for prompt in document["prompts"]:
        prompt["text"] = text
    for match in document["matches"]:
        match |= {"caption": text, "location": text, "corpus_id": text, "query": text}
    lookup["corpus"]["source"] = text
    lookup["query"]["prompts"] = [text]
    document["plan"]["controls"] |= {"source": text, "like": [text]}
    for other in document["attempt"]["others"]:
        other["stated_prompts"] = [text]
    for case in document["cases"]:
        case["memorised"]["rank"]["left_out"] = [text]
        case["closest_control"] |= {"control": text, "caption": text}
        for prompt in case["prompts"]:
            prompt["prompt"]["text"] = text
        for cited in case["cited"]:
            cited["recipe"] |= {"prompt": text, "negative_prompt": text}
        for part in case["identity"]["components"]:
            part["files"] = {text: "ab" * 32}
        reason = {"code": "control-left-out", "values": {"control": text}, "text": text}
        case["memorised"]["limits"].append(reason)
        for look in case["generated"]["scan"]["looks"]:
            for each in look["looks"]:
                each["prompt"] = text
    return document


@pytest.fixture(scope="module")
def source(project: Path) -> TargetSource:
    return read_target_source(project / "data", "owl")


@pytest.fixture
def render(project: Path, tmp_path: Path, source: TargetSource) -> Callable[[str], Path]:
    """Writes the evidence with a payload, and the page, into a folder with the owl's files."""

    def write(text: str) -> Path:
        folder = tmp_path / "owl"
        shutil.copytree(project / "reports" / "owl", folder)
        document = json.loads((folder / "evidence.json").read_text("utf-8"))
        evidence = Evidence.model_validate(poison(document, text))
        evidence.write(folder / "evidence.json")
        page = render_report(evidence, source, "Evidence report", folder)
        (folder / "report.html").write_text(page, encoding="utf-8")
        return folder

    return write


def count_elements(page: Page) -> list[str]:
    """The elements but those that fold long text."""
    folding = {"details", "summary", "bdi", "span", "br", "code"}
    return [tag for tag, _ in page.elements if tag not in folding]


@pytest.mark.parametrize(
    "payload", [*PAYLOADS, *map(invent, range(6))], ids=range(len(PAYLOADS) + 6)
)
def test_no_payload_becomes_markup_or_hides(
    project: Path, render: Callable[[str], Path], payload: str
) -> None:
    written = (render(payload) / "report.html").read_text("utf-8")
    page, plain = Page(written), Page(render_plain(project))
    assert not page.open
    assert count_elements(page) == count_elements(plain)
    assert not any(name.startswith("on") for _, each in page.elements for name in each)
    body = written[written.index("<body>") : written.rindex("<script>")]
    assert HIDDEN.search(body) is None
    shown = "".join(page.words)
    assert make_visible(payload)[:60].strip() in shown


def render_plain(project: Path) -> str:
    """The page with a harmless text in the same fields."""
    if project not in PLAIN:
        folder = project / "reports" / "owl"
        document = poison(json.loads((folder / "evidence.json").read_text("utf-8")), "plain")
        source = read_target_source(project / "data", "owl")
        evidence = Evidence.model_validate(document)
        PLAIN[project] = render_report(evidence, source, "Evidence report", folder)
    return PLAIN[project]


PLAIN: dict[Path, str] = {}


@pytest.mark.parametrize("payload", [*PAYLOADS, invent(99)], ids=range(len(PAYLOADS) + 1))
def test_the_pdf_is_made_whatever_the_text(render: Callable[[str], Path], payload: str) -> None:
    assert render_pdf(render(payload), "Evidence report").startswith(b"%PDF-1.7")


def test_every_character_of_direction_or_control_is_spelled_out() -> None:
    joiners = {0x200C, 0x200D}
    for code in range(0x110000):
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Cc" or unicodedata.bidirectional(character) in (
            *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
        ):
            assert (make_visible(character) == character) == (character in "\n\t"), hex(code)
        elif code in joiners:
            assert make_visible(character) == character
    assert make_visible("été 漢字 👩‍💻") == "été 漢字 👩‍💻"
    assert re.fullmatch(r"(⟨U\+[0-9A-F]{4,5}⟩)+", make_visible("\u202e\u2028\U000e0041\u200b"))
