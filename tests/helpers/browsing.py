"""A real browser, and a page that is opened in it as by a double click."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120_000  # milliseconds, for a machine whose cores are all busy

needs_browser = pytest.mark.skipif(
    BROWSER is None,
    reason="no Chromium or Chrome was found, so no page was looked at in a browser: install one "
    "(Debian: apt install chromium) to run these",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The browser, for all tests of a file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=BROWSER, args=ARGUMENTS, timeout=PATIENCE
        )
        yield running
        running.close()


@contextmanager
def opened(browser: Any, path: Path, **settings: Any) -> Iterator[Any]:
    """The page as a double-click opens it; nothing was fetched but its own thumbnails, nothing
    complained."""
    context = browser.new_context(**settings)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert complaints == []
    own = ("data:", f"{path.parent.as_uri()}/index_files/")
    assert [url for url in requests if not url.startswith(own)] == [path.as_uri()]
    context.close()
