"""The page: well-formed, self-contained, escaped, and with every figure of the document."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from compared import Compare, Ran
from reading import Page, leaves

from seedwitness.compare.page import format_value


@pytest.fixture(scope="module", params=["by_state", "by_checkpoint"])
def ran(request: pytest.FixtureRequest) -> Ran:
    found: Ran = request.getfixturevalue(request.param)
    return found


def test_it_is_well_formed_and_its_headings_are_in_order(ran: Ran) -> None:
    page = Page(ran.page)
    assert not page.open
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    named = [each["id"] for _, each in page.elements if "id" in each]
    assert len(named) == len(set(named))
    links = {each["href"] for tag, each in page.elements if tag == "a"}
    assert links <= {f"#{name}" for name in named}


def test_nothing_leaves_the_file(ran: Ran) -> None:
    page = Page(ran.page)
    for tag, attributes in page.elements:
        for key in ("src", "srcset", "href", "xlink:href", "action", "poster", "data"):
            if key in attributes and tag != "a":
                assert attributes[key].startswith("data:")
        assert not any(key.startswith("on") for key in attributes)
    style = ran.page.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert [tag for tag, _ in page.elements].count("script") == 1
    (policy,) = [each["content"] for _, each in page.elements if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_foreign_text_is_escaped(ran: Ran) -> None:
    assert "<script>alert" not in ran.page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in ran.page


def test_figures_of_the_document_are_on_the_page(ran: Ran) -> None:
    """All but the differences of single tables, which are text, and p before adjustment."""
    page = Page(ran.page)
    shown = page.numbers() | {float(n) for n in re.findall(r"\d+", page.text)}
    left_out = ("paths", ".differences", ".reason.values", ".cases.figures.p")
    missing = {
        path: value
        for path, value in leaves(json.loads(ran.document.to_json()))
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and not any(path.startswith(each) or path.endswith(each) for each in left_out)
        and ".reason.values" not in path
        and value not in shown
    }
    assert missing == {}


def test_every_image_has_a_text_alternative_and_a_size(ran: Ran) -> None:
    images = [each for tag, each in Page(ran.page).elements if tag == "img"]
    assert images
    for each in images:
        assert each["alt"].strip()
        assert 0 < int(each["width"]) <= 128
    assert len({each["src"] for each in images}) == len(images)


def test_reasons_of_differing_findings_are_on_the_page(ran: Ran) -> None:
    text = Page(ran.page).text
    for case in ran.document.cases:
        for question in case.differing:
            for figures in case.figures:
                assert figures is not None
                reason = figures.answer(question).reason.text
                assert " ".join(reason.replace("`", "").split()) in text


def test_a_setting_that_differs_is_on_the_page(by_state: Ran) -> None:
    assert re.search(r"search\.guidance</code></th><td[^>]*>.*3\.0.*5\.0", by_state.page)


def test_values_are_for_reading() -> None:
    digest = "0123456789abcdef" * 4
    assert digest[:16] in format_value(json.dumps(digest))
    assert f'title="{digest}"' in format_value(json.dumps(digest))
    assert "none" in format_value(None)
    assert "&lt;b&gt;" in format_value('"<b>"')
    assert "null" in format_value("null")


def test_names_of_sides_are_escaped(copies: Path, compare: Compare) -> None:
    (copies / "second").rename(copies / "<b>second")
    ran = compare(copies, "first", "<b>second")
    assert "<b>second" not in ran.page
    assert "&lt;b&gt;second" in ran.page


def test_it_needs_neither_torch_nor_mlflow_nor_dvc(states: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from seedwitness.cli import app\n"
        f"app(['compare', 'first', 'second', '--out', {str(tmp_path)!r}], standalone_mode=False)\n"
        "heavy = {'torch', 'mlflow', 'dvc', 'seedlab', 'altair'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=states, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
