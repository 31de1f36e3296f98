"""`verify.html` in a real browser: it sees what `seedwitness verify` sees, without installation."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from benchmarks.bundle.forged_files import Files, MemoryBundle
from benchmarks.bundle.page_checks import PageChecker
from benchmarks.bundle.series import tamper
from browsing import BROWSER, needs_browser, opened
from bundled import call
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seedwitness.bundle.keys import find_fingerprint, load_public_key
from seedwitness.bundle.recipient_files import read_recipient_file
from seedwitness.bundle.verification import Trust, verify_files

pytestmark = needs_browser
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def fingerprint(public: Path) -> str:
    return find_fingerprint(load_public_key(public.read_bytes(), "the key"))


@contextmanager
def page_in(browser: Any, tmp_path: Path, **settings: Any) -> Iterator[Any]:
    path = tmp_path / "verify.html"
    path.write_bytes(read_recipient_file("verify.html"))
    with opened(browser, path, **settings) as page:
        yield page


def test_the_page_of_the_docs_is_that_of_the_bundle(sealed: Path) -> None:
    content = (sealed / "verify.html").read_bytes()
    assert content == read_recipient_file("verify.html") == (DOCS / "verify.html").read_bytes()


def test_a_folder_and_a_zip_file_are_checked(
    browser: Any, tmp_path: Path, project: Path, sealed: Path, key: Path, fingerprint: str
) -> None:
    packed = tmp_path / "owl.zip"
    call(project, "bundle", "owl", "--key", key, "--out", packed)
    call(project, "bundle", "owl", "--out", tmp_path / "plain.zip")
    with page_in(browser, tmp_path) as page:
        checker = PageChecker(page)
        page.set_input_files("#folder", sealed)
        assert checker.wait() == "signed"
        assert "FAILED" not in page.inner_text("#checks")
        assert fingerprint in page.inner_text("#checks")
        page.set_input_files("#zip", packed)
        assert checker.wait() == "signed"
        page.set_input_files("#zip", tmp_path / "plain.zip")
        assert checker.wait() == "whole"
        page.fill("#fingerprint", fingerprint)
        page.set_input_files("#zip", packed)
        assert checker.wait() == "trusted"
        figures = page.inner_text("#checks tbody tr:last-child")
        assert "figures follow from 3216 trials" in figures


def test_it_agrees_with_the_command_on_tampering(
    browser: Any, tmp_path: Path, files: Files, public: Path, fingerprint: str
) -> None:
    trust = Trust(key=public.read_bytes())
    with page_in(browser, tmp_path) as page:
        checker = PageChecker(page)
        page.fill("#fingerprint", fingerprint)
        assert checker.check(files) == "trusted"
        checker.load(files)
        assert checker.check_changes(files) == "trusted"
        for each in tamper(files, 24, 3, Ed25519PrivateKey.generate()):
            command = verify_files(MemoryBundle(each.files), trust, "memory").level
            assert checker.check(each.files) == command == "altered", (each.way, each.kind)
            assert checker.check_changes(each.files) == command


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil", "leads out of the bundle"),
        ("reports/gnp.\u202eexe", "control or direction characters"),
        ("manifest.SHA256", "another file has the same name"),
    ],
)
def test_hostile_files_do_nothing(
    browser: Any, tmp_path: Path, files: Files, name: str, message: str
) -> None:
    with page_in(browser, tmp_path) as page:
        checker = PageChecker(page)
        assert checker.check(files | {name: b"<script>alert(1)</script>"}) == "altered"
        assert message in page.inner_text("#checks")
        assert "\u202e" not in page.inner_text("body")
        assert checker.check({"MANIFEST.sha256": b"<img src=x onerror=alert(1)>\n"}) == "altered"
        assert page.locator("#checks img").count() == 0
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("MANIFEST.sha256", b"")
            archive.writestr("zeros", bytes(5_000_000))
        size = (5_000_000).to_bytes(4, "little")
        bomb = buffer.getvalue().replace(size, (4_000_000_000).to_bytes(4, "little"))
        assert checker.check_zip(bomb) == "altered"
        assert "claims to hold more" in page.inner_text("#checks")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(browser: Any, tmp_path: Path, files: Files, scheme: Any) -> None:
    assert BROWSER
    with page_in(
        browser,
        tmp_path,
        color_scheme=scheme,
        viewport={"width": 360, "height": 740},
        bypass_csp=True,
    ) as page:
        PageChecker(page).check(files)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        found = Axe().run(page)
        serious = [
            each
            for each in found.response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == []
