"""The page in a real browser: its width, its filter, without scripts, and by axe."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from compared import Ran

BROWSER = next(
    (found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None
)
PATIENCE = 120_000  # milliseconds, for a machine whose cores are all busy

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium and no Chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE
        )
        yield running
        running.close()


@contextmanager
def opened(browser: Any, ran: Ran, **settings: Any) -> Iterator[Any]:
    """The page as a double-click opens it; nothing was fetched, nothing complained."""
    context = browser.new_context(**settings)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((ran.out / "index.html").as_uri())
    yield page
    assert complaints == []
    assert len([url for url in requests if not url.startswith("data:")]) == 1
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_shows_its_images_and_passes_axe(
    browser: Any, by_checkpoint: Ran, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    settings = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with opened(browser, by_checkpoint, **settings) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("[...document.images].every(each => each.naturalWidth > 0)")
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


def test_the_filter_selects_targets(browser: Any, by_state: Ran) -> None:
    with opened(browser, by_state) as page:
        targets = page.locator(".target")
        shown = page.locator(".target:not([hidden])")
        assert targets.count() == shown.count() == 2
        page.select_option(".filter select", "differs")
        assert shown.evaluate_all("all => all.map(each => each.dataset.target)") == ["owl"]
        assert page.locator(".filter output").text_content() == "1 of 2 targets"
        rows = page.locator("tr[data-target='heron']")
        assert rows.count() > 0
        assert not any(row.is_visible() for row in rows.all())
        page.select_option(".filter select", "")
        page.fill(".filter input", "HER")
        assert shown.evaluate_all("all => all.map(each => each.dataset.target)") == ["heron"]


def test_without_scripts_all_is_shown(browser: Any, by_state: Ran) -> None:
    with opened(browser, by_state, java_script_enabled=False) as page:
        assert page.locator(".target:not([hidden])").count() == 2
        assert not page.locator(".filter").is_visible()
        assert page.locator(".target img").first.is_visible()


def test_heads_stay_in_sight_while_a_grid_is_scrolled(browser: Any, by_checkpoint: Ran) -> None:
    with opened(browser, by_checkpoint, viewport={"width": 1280, "height": 500}) as page:
        frame = page.locator(".target .frame").first
        frame.evaluate("each => { each.style.maxHeight = '15rem'; each.scrollTop = 200; }")
        head, box = frame.locator("thead img").bounding_box(), frame.bounding_box()
        assert head["y"] >= box["y"]
        assert head["y"] + head["height"] < box["y"] + box["height"]


def test_on_paper_nothing_is_cut_off(browser: Any, by_state: Ran) -> None:
    with opened(browser, by_state) as page:
        page.emulate_media(media="print")
        heights = page.locator(".frame").evaluate_all(
            "all => all.map(each => each.scrollHeight - each.clientHeight)"
        )
        assert max(heights) <= 1
        assert page.pdf(format="A4").startswith(b"%PDF")
