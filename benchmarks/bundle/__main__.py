"""Tampers with a bundle at random and writes the page of what found it.

.venv/bin/python -m benchmarks.bundle docs/bundle.md docs/bundle.json
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.bundle.forged_files import Files, MemoryBundle, load_files, seal_with_key
from benchmarks.bundle.page import render_page
from benchmarks.bundle.page_checks import PageChecker
from benchmarks.bundle.series import Tampered, tamper
from benchmarks.shared.measurement import ROOT, write_page
from seedwitness.bundle.building import Sealing, write_bundle
from seedwitness.bundle.container import open_bundle
from seedwitness.bundle.keys import find_fingerprint, format_pem
from seedwitness.bundle.recipient_files import read_recipient_file
from seedwitness.bundle.verification import Trust, verify_files

PART = "tampering"
COUNT, SEED = 700, 7
UNTRUSTED = 100
"""Of these, also without the signer's key: most are then computed again in full."""

KEY, PAGE, NO_KEY = "verify --key", "verify.html", "verify"


def measure(_: str, __: Path) -> dict[str, Any]:
    """Make a project and its bundle, tamper with it, and count what is found."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        signer, forger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        files = _make_bundle(folder, signer)
        trust = Trust(key=format_pem(signer.public_key()))
        began = time.perf_counter()
        assert _find_level(files, trust) == "trusted"
        seconds = time.perf_counter() - began
        with _open_page(folder, find_fingerprint(signer.public_key()), files) as check_page:
            assert check_page(files) == "trusted"
            rows = []
            for number, each in enumerate(tamper(files, COUNT, SEED, forger)):
                rows.append(_count(number, each, trust, check_page))
                if number % 50 == 0:
                    sys.stderr.write(f"{number} of {COUNT}\n")
    return {
        "seed": SEED,
        "files": len(files),
        "bytes": sum(map(len, files.values())),
        "verify_seconds": round(seconds, 2),
        "rows": rows,
    }


def _count(
    number: int, each: Tampered, trust: Trust, check_page: Callable[[Files], str]
) -> dict[str, Any]:
    found = {KEY: _find_level(each.files, trust), PAGE: check_page(each.files)}
    if number < UNTRUSTED:
        found[NO_KEY] = _find_level(each.files, Trust())
    return {
        "way": each.way,
        "kind": each.kind,
        "sealing": each.sealing,
        "found": {name: level == "altered" for name, level in found.items()},
    }


def _find_level(files: Files, trust: Trust) -> str:
    return verify_files(MemoryBundle(files), trust, "memory").level


def _make_bundle(folder: Path, signer: Ed25519PrivateKey) -> Files:
    """The bundle of the tests' invented project, signed."""
    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    project = import_module("bundled")
    project.write_project(folder / "project")
    out = folder / "bundle.zip"
    described = project.describe_checkpoints(folder / "project")
    write_bundle(
        folder / "project",
        project.TARGET,
        out,
        described,
        is_redacted=False,
        sealing=Sealing(key=signer),
    )
    files = load_files(open_bundle(out))
    again = dict(files)
    seal_with_key(again, signer)
    assert again.keys() == files.keys()
    return files


@contextmanager
def _open_page(folder: Path, fingerprint: str, files: Files) -> Iterator[Callable[[Files], str]]:
    from playwright.sync_api import sync_playwright

    browsing = import_module("browsing")
    path = folder / "verify.html"
    path.write_bytes(read_recipient_file("verify.html"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browsing.BROWSER, args=browsing.ARGUMENTS
        )
        page = browser.new_page()
        page.set_default_timeout(browsing.PATIENCE)
        page.goto(path.as_uri())
        page.fill("#fingerprint", fingerprint)
        checker = PageChecker(page)
        assert checker.check(files) == "trusted"
        checker.load(files)
        yield checker.check_changes
        browser.close()


if __name__ == "__main__":
    write_page(__doc__ or "", [PART], measure, render_page)
