"""The form of a second examiner: what a verification fills in, and what it leaves open."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
import yaml
from bundled import TARGET, call
from hypothesis import given
from hypothesis import strategies as st

from seedwitness.bundle.results import CheckResult, Verification
from seedwitness.commands.verify import LEVELS, write_form
from seedwitness.records.case_sheet import CaseSheet

HOSTILE = '<script>alert(1)</script>\u202egnp.exe" onload="x'


def test_it_says_what_was_checked_and_fits_the_cover_sheet(
    sealed: Path, public: Path, tmp_path: Path
) -> None:
    form = tmp_path / "form.html"
    arguments = ("verify", sealed, "--key", public, "--form", form, "--examiner", "C. Example")
    result = json.loads(call(tmp_path, *arguments, "--json").stdout)
    page = form.read_text(encoding="utf-8")
    for check in result["checks"]:
        assert f"<td>{check['name']}</td>" in page
    assert result["manifest_sha256"] in page
    assert result["fingerprint"] in page
    assert LEVELS["trusted"] in page
    assert "No image was made again" in page
    assert page.count('<td class="field') == 8
    sheet = CaseSheet.model_validate(yaml.safe_load(_read_sheet(page)))
    assert sheet.second_examiner.name == "C. Example"
    assert sheet.second_examiner.checked_on is not None
    assert result["manifest_sha256"] in (sheet.second_examiner.result or "")
    error = call(tmp_path, *arguments, code=1).output
    assert "a signed form is not overwritten" in " ".join(error.split())


def test_a_failure_is_on_the_form(files: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / TARGET
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "params.yaml").write_text("other: 1\n")
    call(tmp_path, "verify", folder, "--form", tmp_path / "form.html", code=1)
    page = (tmp_path / "form.html").read_text(encoding="utf-8")
    assert '<td class="failed">FAILED</td>' in page
    assert "<code>params.yaml</code>" in page
    assert LEVELS["altered"] in page


@given(text=st.text(max_size=60))
def test_no_text_of_a_bundle_acts_on_the_page(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for hostile in (text, HOSTILE):
        check = CheckResult(name=hostile, state="FAILED", files=[hostile], detail=hostile)
        result = Verification(
            bundle=hostile,
            target=hostile,
            manifest_sha256="",
            fingerprint=None,
            level="altered",
            checks=[check],
        )
        path = tmp_path_factory.mktemp("form") / "form.html"
        write_form(result, path, f"seedwitness verify {hostile}", hostile)
        page = path.read_text(encoding="utf-8")
        assert "<script" not in page
        assert "\u202e" not in page
        assert page.count("<tr>") == 7 + 2 + 8
        assert yaml.safe_load(_read_sheet(page))["second_examiner"]["checked_on"]


def _read_sheet(page: str) -> str:
    (sheet,) = re.findall("<pre>(.*)</pre>", page, re.DOTALL)
    return unescape(sheet)
